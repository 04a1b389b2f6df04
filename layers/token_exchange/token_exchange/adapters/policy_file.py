"""The policy in a file or a folder, and the selection of a function's policy source."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from token_exchange.adapters.settings import AppConfigPlace, FilePlace, PolicyPlace, S3Place
from token_exchange.core.ports import Deadline
from token_exchange.core.record import positional_record
from token_exchange.loading.document import COMPILED_MARK, Content
from token_exchange.loading.store import PolicyDocument, PolicySource, PolicyUnreadable

if TYPE_CHECKING:
    # The command line reads policies from files, and would pay a second for boto3 in every command.
    from token_exchange.adapters.aws import AwsClients
    from token_exchange.adapters.aws_calls import DeadlineCalls

_MAIN_FILE: Final = "policy.yaml"
_GRANTS: Final = "grants"


@positional_record
class PolicyFile:
    """A policy that is a file, or a folder with `policy.yaml` and `grants/*.yaml`."""

    path: Path

    def read(self, _deadline: Deadline | None = None, /) -> PolicyDocument:
        """Return the current document; a local file needs no deadline.

        Raises:
            PolicyUnreadable: the file, or a file of the folder, cannot be read.
        """
        if not self.path.is_dir():
            return PolicyDocument(name=self.path.name, content=_content(self.path), read_file=self.read_named)
        return PolicyDocument(
            name=_MAIN_FILE,
            content=_content(self.path / _MAIN_FILE),
            read_file=self.read_named,
            grant_files=self._grant_files(),
        )

    def _grant_files(self) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for path in self.path.glob(f"{_GRANTS}/*.yaml"):
            name = f"{_GRANTS}/{path.name}"
            try:
                found[name] = self.read_named(name)
            except OSError as error:
                raise _unreadable(path, error) from error
        return found

    def read_named(self, path: str) -> bytes:
        """Return the bytes of a file that the policy names, relative to its folder unless absolute.

        Raises:
            OSError: it cannot be read, or is outside the folder.
        """
        folder = (self.path if self.path.is_dir() else self.path.parent).resolve()
        named = Path(path)
        if named.is_absolute():
            return named.read_bytes()
        resolved = (folder / named).resolve()
        # A symbolic link can lead out of the folder, as `..` can.
        if not resolved.is_relative_to(folder):
            raise PermissionError(1, "outside the policy's folder")
        return resolved.read_bytes()


def _content(path: Path) -> Content:
    try:
        with path.open("rb") as file:
            start = file.read(len(COMPILED_MARK))
            if start != COMPILED_MARK:
                return start + file.read()
            # Imported here to keep the cold start short: most policies are not compiled.
            from mmap import ACCESS_READ, mmap  # noqa: PLC0415 - as said above

            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> PolicyUnreadable:
    return PolicyUnreadable(f"{path}: {error.strerror or type(error).__name__}")


def policy_source(
    place: PolicyPlace,
    *,
    folder: Path,
    clients: "AwsClients",
    calls: "DeadlineCalls",
    first: FilePlace | None = None,
) -> PolicySource:
    """Return the source at `place`; a relative path starts in `folder`.

    `first` is in force until AppConfig has had its first policy.

    The AWS sources are imported here to keep the cold start short: most policies are files.
    """
    match place:
        case FilePlace():
            return PolicyFile(folder / place.path)
        case S3Place():
            from token_exchange.adapters.policy_remote import PolicyInS3  # noqa: PLC0415 - see above

            return PolicyInS3(place, clients=clients, calls=calls)
        case AppConfigPlace():
            from token_exchange.adapters.policy_remote import (  # noqa: PLC0415 - see above
                PolicyInAppConfig,
                UntilFirstDeployment,
            )

            deployed = PolicyInAppConfig(place, clients=clients, calls=calls)
            return deployed if first is None else UntilFirstDeployment(deployed, PolicyFile(folder / first.path))
        case unknown:
            assert_never(unknown)

"""Reads the policy from a file or a folder, and the files that it names from where it lies."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from token_exchange.policy_store import PolicyDocument, PolicyUnreadable
from token_exchange.ports import Deadline

_MAIN_FILE: Final = "policy.yaml"
_GRANTS: Final = "grants"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy that is a file, or a folder with `policy.yaml` and `grants/*.yaml`."""

    path: Path

    def read(self, _deadline: Deadline | None = None, /) -> PolicyDocument:
        """Return the document as it is now; a local file needs no deadline.

        Raises:
            PolicyUnreadable: the file, or one of the folder's, cannot be read.
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
            OSError: it cannot be read, or lies outside the folder.
        """
        folder = (self.path if self.path.is_dir() else self.path.parent).resolve()
        named = Path(path)
        if named.is_absolute():
            return named.read_bytes()
        resolved = (folder / named).resolve()
        # A link in the folder may lead out of it as well as `..` may.
        if not resolved.is_relative_to(folder):
            raise PermissionError(1, "it lies outside the policy's folder")
        return resolved.read_bytes()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> PolicyUnreadable:
    return PolicyUnreadable(f"{path}: {error.strerror or type(error).__name__}")

"""The files that a policy names: read once while it loads, and part of its identity."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Protocol


class ReadFile(Protocol):
    """Reads a file for a policy that is a file itself."""

    def __call__(self, path: str) -> bytes:
        """Return the bytes of the file at `path`, relative to the policy's folder unless absolute.

        Raises:
            OSError: it cannot be read.
        """
        ...


class NamedFiles:
    """Reads the files that a document names, and remembers their bytes."""

    def __init__(self, read: ReadFile | None) -> None:
        self._read = read
        self._contents: dict[str, bytes] = {}

    def content(self, path: str) -> bytes:
        """Return the bytes of the file at `path`.

        Raises:
            ValueError: the file may not be named, or cannot be read; says why.
        """
        if self._read is None:
            raise ValueError("expected the text itself: only a policy that is a file can name files")
        pure = PurePosixPath(path)
        # A team that may edit the policy must not be able to make the service read whatever it likes.
        if not pure.is_absolute() and ".." in pure.parts:
            raise ValueError("expected a path inside the policy's folder, or an absolute one")
        try:
            content = self._contents[path] if path in self._contents else self._read(path)
        except OSError as error:
            raise ValueError(f"expected a file that can be read ({error.strerror or type(error).__name__})") from error
        self._contents[path] = content
        return content

    def read_so_far(self) -> Mapping[str, bytes]:
        """Return the bytes of every file read, by its path as the policy names it."""
        return self._contents


def identity_of(
    document_name: str, document: bytes, named: Mapping[str, bytes], *, grant_files: Mapping[str, bytes] | None = None
) -> str:
    """Return the hex SHA-256 over all files of a policy, each preceded by its path and length.

    First `document`, then the files of grants and then those that are named, each in the order of their paths.
    """
    digest = sha256()
    for path, content in [(document_name, document), *sorted((grant_files or {}).items()), *sorted(named.items())]:
        name = path.encode()
        digest.update(len(name).to_bytes(8) + name + len(content).to_bytes(8) + content)
    return digest.hexdigest()

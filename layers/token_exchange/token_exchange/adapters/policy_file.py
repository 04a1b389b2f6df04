"""Reads the policy from a file, and the files that it names from its folder."""

from dataclasses import dataclass
from pathlib import Path

from token_exchange.policy_store import PolicyDocument, PolicyUnreadable


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy that is a file."""

    path: Path

    def read(self) -> PolicyDocument:
        """Return the document as it is now.

        Raises:
            PolicyUnreadable: the file cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise PolicyUnreadable(f"{self.path}: {error.strerror or type(error).__name__}") from error
        return PolicyDocument(name=self.path.name, content=content, read_file=self.read_named)

    def read_named(self, path: str) -> bytes:
        """Return the bytes of a file that the policy names, relative to its folder unless absolute.

        Raises:
            OSError: it cannot be read, or lies outside the folder.
        """
        folder = self.path.parent.resolve()
        named = Path(path)
        if named.is_absolute():
            return named.read_bytes()
        resolved = (folder / named).resolve()
        # A link in the folder may lead out of it as well as `..` may.
        if not resolved.is_relative_to(folder):
            raise PermissionError(1, "it lies outside the policy's folder")
        return resolved.read_bytes()

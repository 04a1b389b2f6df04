"""The folder with the files that outlive a run: keys, certificates, the policy."""

from pathlib import Path
from typing import Final

DEFAULT_FOLDER: Final = Path(".sandbox")


def make_folder(folder: Path) -> Path:
    """Create `folder`, readable only by its owner, and return it. An existing folder keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, content: bytes) -> None:
    """Write a file that no other user can read at any moment, and replace an old one atomically."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)

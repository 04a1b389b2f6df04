"""The folder in which the sandbox keeps what must outlive it: keys, certificates, its policy."""

from pathlib import Path
from typing import Final

DEFAULT_FOLDER: Final = Path(".sandbox")


def make_folder(folder: Path) -> Path:
    """Create `folder`, readable by its owner alone, and return it; one that exists keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read at any moment, replacing an old one whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)

# ruff: noqa: INP001, T201 - a script, which talks to a person
"""Hold what `sam build` put into the layer against the lock: `python deploy/check_layer.py BUILD UV`.

SAM fetches a wheel a second time, then without its hash, when the first one found does not fit the target. So the
same lock is installed here with every hash checked, and both trees must be one.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

LAYER: Final = "TokenExchangeLayer/python"
SOURCE: Final = Path("layers/token_exchange")
PACKAGE: Final = "token_exchange"
LOCK: Final = "requirements.txt"
_COMPILED_FOR: Final = re.compile(r"\.cpython-313-(x86_64|aarch64)-linux-gnu\.so$")
_INSTALLERS_NOTES: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED"})
# Programs, and the lock of the installer: nothing that Lambda imports.
_NOT_IMPORTED: Final = re.compile(r"(^bin/|^\.lock$|\.data/|(^|/)__pycache__/)")


class LayerUnlike(Exception):
    """The layer is not what the lock says; the text says where."""


def check_layer(build: Path, *, uv: str) -> str:
    """Return a line on what was found to be right.

    Raises:
        LayerUnlike: something is missing, or different, or too much.
    """
    layer = build / LAYER
    if not layer.is_dir():
        raise LayerUnlike(f"there is no {layer}; run `make build` first")
    machine = compiled_for(layer)
    with tempfile.TemporaryDirectory() as folder:
        expected = Path(folder)
        install_locked(expected, machine=machine, uv=uv)
        locked = fingerprints(expected)
    ours = {f"{PACKAGE}/{path}": digest for path, digest in fingerprints(SOURCE / PACKAGE).items()}
    wanted = locked | ours | {LOCK: sha256((SOURCE / LOCK).read_bytes()).hexdigest()}
    if differing := list(differences(wanted=wanted, found=fingerprints(layer))):
        raise LayerUnlike("\n".join(differing))
    return f"the layer is what the lock says: {len(locked)} files of libraries for {machine}, {len(ours)} of our own"


def compiled_for(layer: Path) -> str:
    """Return the machine that the layer's compiled modules are for, as `uname -m` calls it.

    Raises:
        LayerUnlike: they are for none, or for more than one.
    """
    machines = {match[1] for path in layer.rglob("*.so") if (match := _COMPILED_FOR.search(path.name))}
    if len(machines) != 1:
        raise LayerUnlike(f"expected compiled modules for one machine, found them for {sorted(machines) or 'none'}")
    return machines.pop()


def install_locked(folder: Path, *, machine: str, uv: str) -> None:
    """Install what the lock holds into `folder`, with every hash checked."""
    # manylinux2014 is what SAM asks for.
    target = ["--python-version", "3.13", "--python-platform", f"{machine}-manylinux2014", "--target", str(folder)]
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command = [uv, "pip", "install", *options, *target, "--requirement", str(SOURCE / LOCK)]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments


def fingerprints(folder: Path) -> dict[str, str]:
    """Return the digest of each file that can be imported or read, by its path in `folder`."""
    found: dict[str, str] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        notes = path.name in _INSTALLERS_NOTES and path.parent.name.endswith(".dist-info")
        if path.is_file() and not notes and not _NOT_IMPORTED.search(name):
            found[name] = sha256(path.read_bytes()).hexdigest()
    return found


def differences(*, wanted: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    """Say of each file that is not as it should be what is wrong with it."""
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield f"{name}: missing from the layer"
        elif name not in wanted:
            yield f"{name}: in the layer, and in nothing that is locked"
        elif wanted[name] != found[name]:
            yield f"{name}: other content than the lock's"


def main(build: str, uv: str) -> int:
    """Return 0 when the layer is as it should be, 1 when it is not."""
    try:
        print(check_layer(Path(build), uv=uv))
    except LayerUnlike as error:
        print(f"the layer is not what the lock says:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

# ruff: noqa: INP001, T201 - a script, which prints for people
"""Compare the layer that `sam build` made with the lock: `python deploy/check_layer.py BUILD UV`.

If the first wheel that SAM finds does not fit the target, it fetches another one without checking a hash. So this
script installs the same lock with every hash checked, and compares both folders.

A release may have several wheels that Lambda can run, for an older and for a newer C library. SAM takes the newer one
where it builds for its own machine, and the older one where it builds for the other architecture: each is in the lock.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

LAYER: Final = "TokenExchangeLayer/python"
SOURCE: Final = Path("layers/token_exchange")
PACKAGE: Final = "token_exchange"
LOCK: Final = "requirements.txt"
PLATFORMS: Final = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
"""What SAM takes for python3.13, whose C library in Lambda is 2.34."""
_COMPILED_FOR: Final = re.compile(r"\.cpython-313-(x86_64|aarch64)-linux-gnu\.so$")
_INSTALLERS_NOTES: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED"})
# Programs, and the installer's lock file: Lambda imports none of them.
_NOT_IMPORTED: Final = re.compile(r"(^bin/|^\.lock$|\.data/|(^|/)__pycache__/)")


class LayerUnlike(Exception):
    """The layer differs from the lock; the message says where."""


def check_layer(build: Path, *, uv: str) -> str:
    """Return a line that says what was checked.

    Raises:
        LayerUnlike: a file is missing, different or unexpected.
    """
    layer = build / LAYER
    if not layer.is_dir():
        raise LayerUnlike(f"there is no {layer}; run `make build` first")
    machine = compiled_for(layer)
    found = fingerprints(layer)
    with tempfile.TemporaryDirectory() as folder:
        trees = [Path(folder) / platform for platform in PLATFORMS]
        for tree in trees:
            install_locked(tree, platform=f"{machine}-{tree.name}", uv=uv)
        locked = nearest_wheels(map(by_distribution, trees), found=found)
    ours = {f"{PACKAGE}/{path}": digest for path, digest in fingerprints(SOURCE / PACKAGE).items()}
    wanted = locked | ours | {LOCK: sha256((SOURCE / LOCK).read_bytes()).hexdigest()}
    if differing := list(differences(wanted=wanted, found=found)):
        raise LayerUnlike("\n".join(differing))
    return f"the layer matches the lock: {len(locked)} files of libraries for {machine}, {len(ours)} of our own"


def compiled_for(layer: Path) -> str:
    """Return the machine that the layer's compiled modules are for, as `uname -m` prints it.

    Raises:
        LayerUnlike: there are no compiled modules, or they are for several machines.
    """
    machines = {match[1] for path in layer.rglob("*.so") if (match := _COMPILED_FOR.search(path.name))}
    if len(machines) != 1:
        raise LayerUnlike(
            f"expected compiled modules for one machine, found them for {sorted(machines) or 'none'}; run `make build`"
        )
    return machines.pop()


def install_locked(folder: Path, *, platform: str, uv: str) -> None:
    """Install the packages of the lock into `folder`, with every hash checked."""
    target = ["--python-version", "3.13", "--python-platform", platform, "--target", str(folder)]
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command = [uv, "pip", "install", *options, *target, "--requirement", str(SOURCE / LOCK)]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments


def by_distribution(tree: Path) -> dict[str, dict[str, str]]:
    """Return the fingerprints of an installed folder, by the name of the distribution that the files are from."""
    found = fingerprints(tree)
    files: dict[str, dict[str, str]] = {}
    for path in tree.glob("*.dist-info"):
        distribution = Distribution.at(path)
        names = {file.as_posix() for file in distribution.files or ()}
        files[distribution.name] = {name: digest for name, digest in found.items() if name in names}
    return files


def nearest_wheels(trees: Iterable[Mapping[str, Mapping[str, str]]], *, found: Mapping[str, str]) -> dict[str, str]:
    """Return the files of one wheel of each distribution: the one that is in the layer, else the first tree's.

    A distribution is taken as a whole, so that a layer cannot be made of parts of two wheels.
    """
    first, *others = trees
    chosen: dict[str, str] = {}
    for name, files in first.items():
        wheels = (files, *(tree[name] for tree in others))
        chosen |= next((wheel for wheel in wheels if wheel.items() <= found.items()), files)
    return chosen


def fingerprints(folder: Path) -> dict[str, str]:
    """Return the digest of each file that can be imported or read, by its path in `folder`."""
    found: dict[str, str] = {}
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and is_shipped(relative):
            found[relative.as_posix()] = sha256(path.read_bytes()).hexdigest()
    return found


def is_shipped(path: Path) -> bool:
    """Return whether Lambda can import or read a file of an installed folder, given its path in that folder."""
    notes = path.name in _INSTALLERS_NOTES and path.parent.name.endswith(".dist-info")
    return not notes and not _NOT_IMPORTED.search(path.as_posix())


def differences(*, wanted: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    """Yield a line for each file that differs, with the difference."""
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield f"{name}: missing from the layer"
        elif name not in wanted:
            yield f"{name}: in the layer, but not in the lock"
        elif wanted[name] != found[name]:
            yield f"{name}: its content differs from the lock's"


def main(build: str, uv: str) -> int:
    """Return 0 if the layer matches the lock, 1 if it does not."""
    try:
        print(check_layer(Path(build), uv=uv))
    except LayerUnlike as error:
        print(f"the layer does not match the lock:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

# ruff: noqa: S607 - a script, which prints for people, and runs git and the project's own programs
"""Build a release of the last commit: `python deploy/release.py FOLDER UV CYCLONEDX`.

The folder gets the wheel of the command line, a layer for each architecture, their bill of materials and the checksums
of all. Only what is in the commit is built, and every file has the same bytes wherever it is built, as long as Python
and zlib are the same, which the bill of materials names.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

from deploy.check_layer import LOCK, PACKAGE, PLATFORMS, SOURCE, install_locked, is_shipped
from deploy.compile_bytecode import compile_build
from deploy.record_commit import VARIABLE as COMMIT_VARIABLE
from deploy.settle_architecture import LAMBDA_NAMES

CHECKSUMS: Final = "SHA256SUMS"
BILL: Final = "token-exchange.cdx.json"
_ZIP_STARTS: Final = (1980, 1, 1, 0, 0, 0)


def release(folder: Path, *, uv: Path, cyclonedx: Path) -> list[Path]:
    """Build everything into `folder`, which is emptied, and return the files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seconds, commit_id = _git("log", "-1", "--format=%ct %H").decode().split()
    environment = os.environ | {"SOURCE_DATE_EPOCH": seconds, "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    environment[COMMIT_VARIABLE] = commit_id[:12]
    with tempfile.TemporaryDirectory(prefix="release-") as temporary:
        commit = Path(temporary) / "commit"
        with tarfile.open(fileobj=BytesIO(_git("archive", "--format=tar", "HEAD"))) as archive:
            archive.extractall(commit, filter="data")
        build_wheel(commit, folder, environment=environment)
        version = next(folder.glob("*.whl")).name.split("-")[1]
        for machine, architecture in LAMBDA_NAMES.items():
            layer = Path(temporary) / machine / "layer"
            make_layer(commit / SOURCE, layer, machine=machine, uv=uv)
            write_zip(layer, folder / f"token-exchange-layer-{version}-{architecture}.zip")
        write_bill(commit, folder / BILL, program=cyclonedx, environment=environment)
    return [*write_checksums(folder), folder / CHECKSUMS]


def build_wheel(commit: Path, folder: Path, *, environment: dict[str, str]) -> None:
    """Build the wheel of the command line from the commit's files."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder.resolve())]
    subprocess.run(command, cwd=commit, env=environment, capture_output=True, check=True)


def make_layer(source: Path, layer: Path, *, machine: str, uv: Path) -> None:
    """Make the layer as SAM does for another architecture: the lock's wheels, with every hash checked, and our code.

    SAM takes other wheels where it builds for its own architecture; these are the same everywhere.
    """
    python = layer / "python"
    install_locked(python, platform=f"{machine}-{PLATFORMS[0]}", uv=str(uv))
    for path in [*python.rglob("*")]:
        if path.is_file() and not is_shipped(path.relative_to(python)):
            path.unlink()
    shutil.copytree(source / PACKAGE, python / PACKAGE)
    shutil.copy(source / LOCK, python / LOCK)
    compile_build(layer.parent)


def write_zip(folder: Path, archive: Path) -> None:
    """Write the files of `folder`, with nothing in the archive that depends on the machine or the time."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(folder.rglob("*"), key=lambda each: each.relative_to(folder).as_posix()):
            if not path.is_file():
                continue
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=_ZIP_STARTS)
            entry.create_system = 3  # Unix, to which Lambda unpacks
            entry.external_attr = 0o100644 << 16  # readable for the function's user, whatever the umask here
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes(), compresslevel=9)


def write_bill(commit: Path, bill: Path, *, program: Path, environment: dict[str, str]) -> None:
    """Write what the layer contains as CycloneDX, and what a second build needs to get the same bytes."""
    command = [str(program), "requirements", str(commit / SOURCE / LOCK), "--pyproject", str(commit / "pyproject.toml")]
    command += ["--output-reproducible", "--output-format", "JSON"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    document = json.loads(done.stdout)
    document["metadata"]["properties"] = [
        *document["metadata"].get("properties", []),
        {"name": "token-exchange:python", "value": platform.python_version()},
        {"name": "token-exchange:zlib", "value": zlib.ZLIB_RUNTIME_VERSION},
    ]
    bill.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def write_checksums(folder: Path) -> list[Path]:
    """Write the checksums of the files in `folder` as `sha256sum` does, and return the files."""
    files = sorted(folder.iterdir())
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / CHECKSUMS).write_text("".join(lines), "utf-8")
    return files


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout


def main(folder: str, uv: str, cyclonedx: str) -> int:
    """Return 0 once the release is built, 1 if a program failed."""
    try:
        files = release(Path(folder), uv=Path(uv), cyclonedx=Path(cyclonedx))
    except subprocess.CalledProcessError as error:
        print(f"no release: {error}\n{(error.stderr or b'').decode(errors='replace')}", file=sys.stderr)
        return 1
    if _git("status", "--porcelain"):
        print("release: it does not include uncommitted changes", file=sys.stderr)
    for path in files:
        print(f"{path.stat().st_size:>12,}  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

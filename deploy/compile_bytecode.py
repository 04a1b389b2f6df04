"""Compile the modules that `sam build` made: `python deploy/compile_bytecode.py BUILD`.

SAM ships no bytecode, and Lambda cannot store any because the layer is read-only. Every cold start would compile about
700 modules again, and take almost three times as long.
"""

import compileall
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

RUNTIME: Final = (3, 13)
"""The template's version of Python; bytecode works only with the version that made it."""


def compile_build(build: Path) -> None:
    """Compile every module of the layer and of the functions in `build`.

    Python uses this bytecode without comparing it with the source: times of files do not survive an upload, and a layer
    is never edited.

    Raises:
        SystemExit: this Python is not Lambda's version, there is no build, or a module does not compile.
    """
    if sys.version_info[:2] != RUNTIME:
        raise SystemExit(f"expected Python {RUNTIME[0]}.{RUNTIME[1]}, found {sys.version.split()[0]}")
    folders = [folder for folder in sorted(build.iterdir()) if folder.is_dir()] if build.is_dir() else []
    if not folders:
        raise SystemExit(f"there is nothing in {build}; run `make build` first")
    for folder in folders:
        # Lambda's path of the file, so that tracebacks name files that exist.
        place = "/opt" if (folder / "python").is_dir() else "/var/task"
        compiled = compileall.compile_dir(
            folder,
            quiet=1,
            stripdir=str(folder),
            prependdir=place,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
        if not compiled:
            raise SystemExit(f"a module in {folder} does not compile")


if __name__ == "__main__":
    compile_build(Path(sys.argv[1]))

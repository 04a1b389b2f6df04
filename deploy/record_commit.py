# ruff: noqa: S607 - git, found on the path
"""Records in a wheel the commit that it is built from, for `token-exchange --version`; hatchling runs it."""

import os
import subprocess
from pathlib import Path
from typing import Final, override

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILE: Final = "token_exchange_cli/commit.txt"
VARIABLE: Final = "TOKEN_EXCHANGE_COMMIT"
"""The commit, where the files are no checkout of it."""


class RecordCommit(BuildHookInterface[BuilderConfig]):
    """Adds the file; an installation that follows its checkout gets none, because it would not change with it."""

    @override
    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        commit = os.environ.get(VARIABLE) or _commit_of(Path(self.root))
        included = build_data["force_include"]
        if version == "editable" or commit is None or not isinstance(included, dict):
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(f"{commit}\n", "utf-8")
        included[str(self._file)] = FILE

    @override
    def finalize(self, version: str, build_data: dict[str, object], artifact_path: str) -> None:
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return Path(self.directory) / Path(FILE).name


def _commit_of(root: Path) -> str | None:
    """Return the commit of the checkout at `root`, and whether files were changed; None where it is no checkout."""
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
        # Unpacked sources may lie in a repository of another project.
        if Path(top).resolve() != root.resolve():
            return None
        return _git(root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

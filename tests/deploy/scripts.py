"""Runs a script of deploy/ as a program of its own would, in this process."""

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.cloudformation import ROOT


@dataclass(frozen=True, slots=True)
class Done:
    """What a script returned and printed."""

    status: int
    out: str
    err: str


def run_script(name: str, *arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> Done:
    """Run the script of this name with `arguments`."""
    status: object = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        try:
            runpy.run_path(str(ROOT / "deploy" / name), run_name="__main__")
        except SystemExit as ended:
            status = ended.code
    said = capsys.readouterr()
    # As the interpreter does with a message.
    return Done(status, said.out, said.err) if isinstance(status, int) else Done(1, said.out, f"{said.err}{status}\n")

"""What an installation adds to an environment: the command and its two packages, and no other name."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.docs.pages import ROOT


def test_the_wheel_has_the_command_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        assert archive.read(entry_points).decode() == (
            "[console_scripts]\ntoken-exchange = token_exchange_cli.main:main\n"
        )
    packages = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"token_exchange", "token_exchange_cli"}

"""The function refresh_keys by itself: what it is made of, and what its import needs."""

import subprocess
import sys
from pathlib import Path

from token_exchange.refresher import MAX_RUN_SECONDS


def test_its_handler_is_importable_anywhere_without_settings(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from refresh_keys.app import handler; assert callable(handler)"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_exchange_does_not_import_the_key_set_writer(tmp_path: Path) -> None:
    code = "import sys, exchange.app; print(*[name for name in sys.modules if 'refresh' in name])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == ""


def test_a_run_takes_less_than_its_schedule() -> None:
    assert MAX_RUN_SECONDS < 60

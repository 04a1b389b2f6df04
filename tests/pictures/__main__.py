"""Take the pictures that need more than Python: the linter in an editor, and the sandbox's month in a browser."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sandbox.month.month import Month, write_month
from tests.browser import started
from tests.cli.program import run
from tests.pictures.dashboard import dashboard_picture
from tests.pictures.editor import drawn_editor

PICTURES: Final = Path(__file__).parent.parent.parent / "docs" / "pictures"
_WIDTH: Final = 1200
_HEIGHTS: Final = {"map": 700, "report": 900}
"""The most of each page that its picture shows."""


def main() -> int:
    """Write every picture."""
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "editor.svg").write_text(drawn_editor(), "utf-8")
    with TemporaryDirectory() as folder:
        month = Path(folder)
        write_month(month, Month(exchanges=9000, teams=60), plain=True)
        for command, name in (
            (["policy", "map", "policy.json"], "map"),
            (["audit", "report", "audit.jsonl", "--policy", "policy.json"], "report"),
        ):
            files = [str(month / part) if part.startswith(("policy.", "audit.")) else part for part in command]
            done = run(*files, "-o", month / f"{name}.html")
            if done.status != 0:
                raise SystemExit(done.err)
        dashboard = dashboard_picture((month / "audit.jsonl").read_text("ascii").splitlines())
        (PICTURES / "dashboard.svg").write_text(dashboard, "utf-8")
        with started(month, width=_WIDTH) as browser:
            for name, height in _HEIGHTS.items():
                # The folder is of this machine.
                browser.show((month / f"{name}.html").read_text("utf-8").replace(f"{month}/", ""))
                whole = int(str(browser.run("return document.documentElement.scrollHeight")))
                size = {"width": _WIDTH, "height": min(height, whole), "deviceScaleFactor": 1, "mobile": False}
                browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                browser.driver.save_screenshot(str(PICTURES / f"{name}.png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

import re
from pathlib import Path

from sandbox.month.month import Month, write_month
from tests.deploy.cloudformation import mapping
from tests.deploy.test_console import widgets
from tests.pictures.__main__ import PICTURES
from tests.pictures.dashboard import dashboard_picture

TITLES = {str(title) for widget in widgets() if (title := mapping(widget, "properties").get("title", None)) is not None}


def titles(picture: str) -> set[str]:
    return set(re.findall(r'class="title">([^<]+)<', picture))


def test_every_widget_is_drawn_with_the_lines_in_it(tmp_path: Path) -> None:
    write_month(tmp_path, Month(exchanges=120, teams=4), plain=True)
    picture = dashboard_picture((tmp_path / "audit.jsonl").read_text("ascii").splitlines())
    assert titles(picture) >= TITLES
    assert picture.count("<polyline") >= 12
    assert ">acme/team000<" in picture


def test_the_picture_shows_the_current_dashboard() -> None:
    # `make pictures` draws it again.
    assert titles((PICTURES / "dashboard.svg").read_text("utf-8")) >= TITLES

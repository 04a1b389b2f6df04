"""The pictures in the documents show what the programs print today."""

import re
from html import unescape
from pathlib import Path

import pytest

from sandbox import demo, pictures
from tests.docs.pages import ROOT


def lines_of(picture: Path) -> list[str]:
    """Return the lines of text in an SVG, from the top."""
    by_height: dict[float, str] = {}
    for height, text in re.findall(
        r'<text [^>]*y="([0-9.]+)"[^>]*clip-path[^>]*>(.*?)</text>', picture.read_text("utf-8")
    ):
        place = float(height)
        by_height[place] = by_height.get(place, "") + unescape(text).replace("\xa0", " ")
    return [by_height[place].rstrip() for place in sorted(by_height)]


def words(lines: list[str]) -> str:
    """Return the text without what a change of the drawing alone would change: line ends and spaces."""
    return "".join("".join(lines).split())


@pytest.mark.registry
@pytest.mark.program("skopeo")
def test_the_picture_shows_the_current_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.main([]) == 0
    printed = pictures.demo_lines(capsys.readouterr().out)
    drawn = words(lines_of(ROOT / "docs/pictures/demo.svg"))
    missing = [line for line in printed if words([line]) not in drawn]
    assert missing == [], "run `make pictures`"


def test_the_picture_shows_the_current_linter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert words(pictures.lint_lines()) in words(lines_of(ROOT / "docs/pictures/lint.svg")), "run `make pictures`"


def test_the_review_is_drawn_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "review.svg").write_text(pictures.drawn_review(), "utf-8")
    drawn = lines_of(ROOT / "docs/pictures/review.svg")
    assert "widergrantshop-images,notmarked" in words(drawn)
    assert words(lines_of(tmp_path / "review.svg")) == words(drawn), "run `make pictures`"


@pytest.mark.parametrize("name", ["demo", "lint", "review", "editor"])
def test_a_picture_fetches_nothing(name: str) -> None:
    text = (ROOT / f"docs/pictures/{name}.svg").read_text("utf-8")
    assert "url(" not in text.replace("url(#", "")
    assert "<script" not in text


def test_varying_parts_are_fixed() -> None:
    output = "  service        http://127.0.0.1:4711\n    {\n  expires        2027-01-02T03:04:05Z\n"
    assert pictures.demo_lines(output) == [
        "  service        http://127.0.0.1:8080",
        "  expires        2026-11-21T05:25:05Z",
    ]

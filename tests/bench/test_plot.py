import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import report
from bench.figures import Figure, Part
from tests.requirements_present import ROOT, skips_nothing

PYTHON = ROOT / ".tools" / "bench" / "bin" / "python"
SVG = "{http://www.w3.org/2000/svg}"
DRAW = """
import json, sys
from bench.plot import draw, read_ratios
json.dump([draw(read_ratios(page)) for page in json.load(sys.stdin)], sys.stdout)
"""
PART = Part(
    title="Lifting <by hand>",
    method="By hand.",
    figures=(
        Figure(name="crane / hand", value=2.0, unit="times", aim=3.0, limit=4.0),
        Figure(name="ant & aphid / hand", value=1000.0, unit="times"),
        Figure(name="hand", value=12.0, unit="ms"),
        Figure(name="hands", value=12.0, unit="count"),
    ),
)

needs_matplotlib = pytest.mark.skipif(
    not PYTHON.exists() and not skips_nothing(), reason="matplotlib is missing; run `make .tools/bench/stamp`"
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures of the page of this test, and of the shipped one."""

    own: str
    shipped: str


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    pages = json.dumps([report.block([PART], run="Run today."), report.PAGE.read_text()])
    command = [str(PYTHON), "-X", "utf8", "-c", DRAW]
    done = subprocess.run(command, cwd=ROOT, input=pages, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return Drawn(*json.loads(done.stdout))


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own


def paths_of(svg: str, color: str) -> list[ET.Element]:
    return [path for path in ET.fromstring(svg).iter(f"{SVG}path") if color in path.get("style", "")]  # noqa: S314


def bar_widths(svg: str) -> list[float]:
    moves = [path.attrib["d"].split() for path in paths_of(svg, "fill: #4078c0")]  # M left bottom L right bottom …
    return [float(move[4]) - float(move[1]) for move in moves]


@needs_matplotlib
def test_each_ratio_is_a_bar_and_no_time_or_count_is(drawn: Drawn) -> None:
    labels = [text for text in texts(drawn.own) if "hand" in text]
    assert labels == ["Lifting <by hand>", "crane / hand   2.00", "ant & aphid / hand   1000.00 »"]
    short, cut = bar_widths(drawn.own)
    assert cut == pytest.approx(short * 3, abs=0.01)
    assert len(paths_of(drawn.own, "stroke: #cf222e")) == 1


@needs_matplotlib
def test_the_shipped_picture_is_that_of_the_shipped_page(drawn: Drawn) -> None:
    assert report.PAGE.with_suffix(".svg").read_text() == drawn.shipped


def test_the_shipped_picture_suits_dark_themes_and_loads_nothing() -> None:
    shipped = report.PAGE.with_suffix(".svg").read_text()
    assert "@media(prefers-color-scheme:dark)" in shipped
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(shipped).iter()}  # noqa: S314 - our own
    assert tags.isdisjoint({"script", "image", "foreignObject"})
    assert "](performance.svg)" in Path(report.PAGE).read_text()

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.figures import Figure, Part
from bench.plot import PICTURE, picture

PART = Part(
    title="Lifting <by hand>",
    method="By hand.",
    figures=(
        Figure(name="crane / hand", value=2.0, unit="times", aim=3.0, limit=4.0),
        Figure(name="ant / hand", value=1000.0, unit="times"),
        Figure(name="hand", value=12.0, unit="ms"),
    ),
)


def test_each_ratio_is_a_bar_and_a_time_is_none() -> None:
    root = ET.fromstring(picture([PART]))  # noqa: S314 - our own
    bars = [float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(bars) == 2
    # The second is cut at the edge, and says so.
    assert bars[1] == pytest.approx(bars[0] * 3, abs=0.5)
    assert "1000.00 »" in picture([PART])
    assert 'class="aim"' in picture([PART])


def test_names_are_text_and_not_markup() -> None:
    assert "Lifting &lt;by hand&gt;" in picture([PART])


def test_the_picture_that_is_shipped_is_one_and_the_page_shows_it() -> None:
    ET.fromstring(PICTURE.read_text())  # noqa: S314 - our own
    assert re.search(r"!\[[^\]]+\]\(performance\.svg\)", Path(PICTURE.parent / "performance.md").read_text())

"""The ratios of a run as bars, in an SVG that follows the reader's light or dark theme."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from bench.figures import Figure, Part

PICTURE: Final = Path(__file__).parent.parent / "docs" / "performance.svg"

_WIDTH: Final = 900
_LABELS: Final = 500
_ROW: Final = 22
_MOST: Final = 6.0
"""Bars longer than this many times are cut, and marked."""

_STYLE: Final = (
    "text{font:13px sans-serif;fill:#24292f}.bar{fill:#4078c0}.aim{stroke:#cf222e;stroke-width:2}"
    ".one{stroke:#8c959f;stroke-dasharray:3 3}.title{font-weight:bold}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#58a6ff}.aim{stroke:#ff7b72}}"
)


def picture(parts: Sequence[Part]) -> str:
    """Return the drawing: a bar for each ratio, a dashed line at 1, and a mark at its aim where it has one."""
    rows: list[str] = []
    y = 10
    for part in parts:
        ratios = [figure for figure in part.figures if figure.unit == "times"]
        if not ratios:
            continue
        y += _ROW
        rows.append(f'<text class="title" x="10" y="{y}">{escape(part.title)}</text>')
        for figure in ratios:
            y += _ROW
            rows.append(_bar(figure, y))
    height = y + 16
    one = _LABELS + _scaled(1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img"><title>Ratios of the last run of make bench</title>'
        f"<style>{_STYLE}</style>"
        f'<line class="one" x1="{one:.0f}" x2="{one:.0f}" y1="10" y2="{height}"/>{"".join(rows)}</svg>\n'
    )


def _bar(figure: Figure, y: int) -> str:
    length = _scaled(figure.value)
    shown = figure.shown() + (" »" if figure.value > _MOST else "")
    aim = ""
    if figure.aim is not None:
        x = _LABELS + _scaled(figure.aim)
        aim = f'<line class="aim" x1="{x:.0f}" x2="{x:.0f}" y1="{y - 13}" y2="{y + 3}"/>'
    return (
        f'<text x="20" y="{y}">{escape(figure.name)}</text>'
        f'<text text-anchor="end" x="{_LABELS - 10}" y="{y}">{shown}</text>'
        f'<rect class="bar" x="{_LABELS}" y="{y - 11}" width="{length:.1f}" height="12"/>{aim}'
    )


def _scaled(value: float) -> float:
    return min(value, _MOST) / _MOST * (_WIDTH - _LABELS - 20)

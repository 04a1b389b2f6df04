"""Draws docs/performance.svg from the tables of docs/performance.md: `.tools/bench/bin/python -m bench.plot`.

It needs matplotlib, which only the environment of `make bench` has, and nothing of the development environment.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
PICTURE: Final = PAGE.with_suffix(".svg")

_MAX_RATIO: Final = 6.0
"""Longer bars are cut."""

_WIDTH_INCHES: Final = 9.4
_ROW_INCHES: Final = 0.24
_SECTION: Final = re.compile(r"^### (?P<title>.+)\n(?P<body>(?:(?!^### ).*\n)*)", re.MULTILINE)
# A ratio has decimals and no unit; a time has a unit, and a count has no decimals.
_RATIO: Final = re.compile(r"^\| (?P<name>[^|]+) \| (?P<value>\d+\.\d+) \| (?P<aim>[\d.]*) \|", re.MULTILINE)

# The same page always gives the same bytes, and the viewer's fonts draw the text.
_SETTINGS: Final = {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"], "font.size": 9}
_METADATA: Final = {"Date": None, "Creator": None, "Title": "Ratios of the last run of make bench"}
_BAR, _AIM, _ONE = "#4078c0", "#cf222e", "#8c959f"
_STYLE: Final = (
    f"text{{fill:#24292f}}@media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}"
    f'[style*="fill: {_BAR}"]{{fill:#58a6ff!important}}[style*="stroke: {_AIM}"]{{stroke:#ff7b72!important}}}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One bar, with the text of its value in the table."""

    name: str
    value: str
    aim: float | None

    def label(self) -> str:
        """Return the name with the value, which is marked where the bar is cut."""
        return f"{self.name}   {self.value}{' »' if float(self.value) > _MAX_RATIO else ''}"


def read_ratios(page: str) -> list[tuple[str, list[Ratio]]]:
    """Return the ratios of a page by the titles of its sections, without the sections that have none."""
    sections = [(section["title"], _ratios(section["body"])) for section in _SECTION.finditer(page)]
    return [(title, ratios) for title, ratios in sections if ratios]


def _ratios(body: str) -> list[Ratio]:
    return [
        Ratio(name=row["name"], value=row["value"], aim=float(row["aim"]) if row["aim"] else None)
        for row in _RATIO.finditer(body)
    ]


def draw(sections: Sequence[tuple[str, Sequence[Ratio]]]) -> str:
    """Return an SVG with a bar for each ratio, a dashed line at 1, and a mark at the ratio's aim, if it has one."""
    rows = [row for title, ratios in sections for row in (title, *ratios)]
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH_INCHES, _ROW_INCHES * (len(rows) + 2)), layout="constrained")
        axes = figure.add_subplot()
        for position, row in enumerate(rows):
            if isinstance(row, Ratio):
                axes.barh(position, min(float(row.value), _MAX_RATIO), height=0.6, color=_BAR)
                if row.aim is not None:
                    axes.vlines(row.aim, position - 0.45, position + 0.45, color=_AIM, linewidth=2)
        axes.axvline(1, color=_ONE, linewidth=1, linestyle="--", zorder=0)
        axes.set_xlim(0, _MAX_RATIO)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [row.label() if isinstance(row, Ratio) else row for row in rows])
        for label, row in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_fontweight("normal" if isinstance(row, Ratio) else "bold")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata=_METADATA, transparent=True)
    return drawn.getvalue().replace("</style>", f"{_STYLE}</style>", 1)


if __name__ == "__main__":
    PICTURE.write_text(draw(read_ratios(PAGE.read_text())), encoding="utf-8")

"""The layout of a picture in columns: what is in one column leads to what is in the next, by ribbons of some width."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange_cli.safe_text import in_reading_order

type Kind = Literal["push", "pull", "stored"]

MAX_BOXES: Final = 24
"""In one column; of more, the smallest are combined, so that the picture fits a screen."""

HEIGHT: Final = 560.0
_GAP: Final = 8.0
_LEAST: Final = 12.0
_MOST_FOR_ONE: Final = 16.0
_THINNEST: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One grant's way from something in `column` to something in the next; both by their keys."""

    column: int
    source: str
    target: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where something is drawn: its column, and its upper and lower edge.

    `keys` are those of several things that are drawn as one.
    """

    column: int
    keys: tuple[str, ...]
    top: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ribbon:
    """Where all links of a kind between two boxes are drawn: the middle of each end, and the width."""

    column: int
    start: float
    end: float
    width: float
    kind: Kind
    links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A layout, `height` high."""

    boxes: tuple[Box, ...]
    ribbons: tuple[Ribbon, ...]
    height: float


def lay_out(links: Iterable[Link], *, columns: int) -> Flow:
    """Return the layout of `links` in this number of columns, the boxes with the most links first."""
    counted = Counter(links)
    sizes = [_sizes(counted, column) for column in range(columns)]
    groups = [_groups(size) for size in sizes]
    most = max((sum(size.values()) for size in sizes), default=0)
    unit = min(HEIGHT / most, _MOST_FOR_ONE) if most else 0.0
    boxes = [box for column in range(columns) for box in _stacked(column, groups[column], sizes[column], unit)]
    by_key = {(box.column, key): box for box in boxes for key in box.keys}
    return Flow(
        boxes=tuple(boxes),
        ribbons=tuple(_ribbons(counted, by_key, unit)),
        height=max((box.bottom for box in boxes), default=0.0),
    )


def _sizes(links: Mapping[Link, int], column: int) -> Counter[str]:
    """Return the width of each key in `column`: of what leads in or out, whichever is more."""
    leaving, arriving = Counter[str](), Counter[str]()
    for link, count in links.items():
        if link.column == column:
            leaving[link.source] += count
        if link.column + 1 == column:
            arriving[link.target] += count
    return leaving | arriving


def _groups(sizes: Mapping[str, int]) -> list[tuple[str, ...]]:
    ordered = sorted(sizes, key=lambda key: (-sizes[key], in_reading_order(key)))
    if len(ordered) <= MAX_BOXES:
        return [(key,) for key in ordered]
    return [*((key,) for key in ordered[: MAX_BOXES - 1]), tuple(ordered[MAX_BOXES - 1 :])]


def _stacked(column: int, groups: Sequence[tuple[str, ...]], sizes: Mapping[str, int], unit: float) -> Iterable[Box]:
    top = 0.0
    for keys in groups:
        bottom = top + max(_LEAST, unit * sum(sizes[key] for key in keys))
        yield Box(column=column, keys=keys, top=top, bottom=bottom)
        top = bottom + _GAP


def _ribbons(links: Mapping[Link, int], boxes: Mapping[tuple[int, str], Box], unit: float) -> Iterable[Ribbon]:
    together = Counter[tuple[Box, Box, Kind]]()
    for link, count in links.items():
        together[boxes[link.column, link.source], boxes[link.column + 1, link.target], link.kind] += count
    used_of_start: defaultdict[Box, float] = defaultdict(float)
    used_of_end: defaultdict[Box, float] = defaultdict(float)
    # From the top, so that ribbons of one box do not cross each other.
    for (start, end, kind), count in sorted(together.items(), key=_from_the_top):
        width = max(_THINNEST, unit * count)
        yield Ribbon(
            column=start.column,
            start=start.top + used_of_start[start] + width / 2,
            end=end.top + used_of_end[end] + width / 2,
            width=width,
            kind=kind,
            links=count,
        )
        used_of_start[start] += width
        used_of_end[end] += width


def _from_the_top(item: tuple[tuple[Box, Box, Kind], int]) -> tuple[int, float, float, Kind]:
    (start, end, kind), _ = item
    return start.column, start.top, end.top, kind

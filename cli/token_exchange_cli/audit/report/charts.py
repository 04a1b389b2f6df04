"""Charts as SVG; the page has their styles."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element

from token_exchange_cli.audit.log import Row
from token_exchange_cli.pages.elements import element

DECISIONS: Final = ("granted", "denied", "rejected", "failed", "explained")
OTHER: Final = "other"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 1000, 220, 60, 20
_MOST_HOURS: Final = 72
_MOST_LABELS: Final = 8
_QUANTILES: Final = ("p50", "p95", "p99")
_HOUR, _DAY = 13, 10
"""The lengths of a time's text up to its hour and up to its day."""


def exchanges_over_time(rows: Sequence[Row]) -> list[Element]:
    """Return a stacked bar of the decisions for each hour, or for each day if there are many hours."""
    timed = [row for row in rows if isinstance(row["hour"], str)]
    if not timed:
        return [element("p", {}, "No line has a readable time.")]
    hours = {str(row["hour"]) for row in timed}
    length = _HOUR if _span_hours(hours) <= _MOST_HOURS else _DAY
    bars: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in timed:
        decision = row["decision"] if row["decision"] in DECISIONS else OTHER
        bars[str(row["hour"])[:length]][str(decision)] += _int(row["exchanges"])
    most = max(sum(bar.values()) for bar in bars.values())
    names = sorted(bars)
    step = (_WIDTH - _LEFT) / len(names)
    drawn = [
        rect for number, name in enumerate(names) for rect in _bar(bars[name], name, _LEFT + number * step, step, most)
    ]
    every = max(1, len(names) // _MOST_LABELS)
    labels = [
        _label(name.replace("T", " "), _LEFT + number * step, _HEIGHT - 5)
        for number, name in enumerate(names)
        if number % every == 0
    ]
    said = f"exchanges by {'hour' if length == _HOUR else 'day'} and decision, at most {most:,}"
    return [_legend(), _chart(_HEIGHT, said, *_scale(most), *drawn, *labels)]


def _chart(height: int, label: str, *parts: Element) -> Element:
    attributes = {"class": "chart", "viewBox": f"0 0 {_WIDTH} {height}", "role": "img", "aria-label": label}
    return element("svg", attributes, *parts)


def _label(text: str, x: float, y: float, anchor: str = "start") -> Element:
    return element("text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}, text)


def _rect(kind: str, box: tuple[float, float, float, float], *hint: Element) -> Element:
    x, y, width, height = (f"{side:.2f}" for side in box)
    return element("rect", {"class": kind, "x": x, "y": y, "width": width, "height": height}, *hint)


def _span_hours(hours: set[str]) -> float:
    first, last = (datetime.fromisoformat(name) for name in (min(hours), max(hours)))
    return (last - first).total_seconds() / 3600


def _bar(parts: dict[str, int], name: str, x: float, step: float, most: int) -> list[Element]:
    drawn: list[Element] = []
    top = float(_HEIGHT - _BOTTOM)
    for decision in (*DECISIONS, OTHER):
        if count := parts.get(decision, 0):
            height = count / most * (_HEIGHT - _BOTTOM - 10)
            top -= height
            hint = element("title", {}, f"{name.replace('T', ' ')}: {count:,} {decision}")
            drawn.append(_rect(decision, (x, top, max(step * 0.85, 0.5), height), hint))
    return drawn


def _scale(most: int) -> list[Element]:
    lines: list[Element] = []
    for part in (0.0, 0.5, 1.0):
        y = _HEIGHT - _BOTTOM - part * (_HEIGHT - _BOTTOM - 10)
        ends = {"x1": str(_LEFT), "x2": str(_WIDTH), "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
        lines += element("line", {"class": "rule", **ends}), _label(f"{round(most * part):,}", _LEFT - 6, y + 4, "end")
    return lines


def _legend() -> Element:
    items = [
        element(
            "li",
            {},
            element("svg", {"viewBox": "0 0 10 10", "aria-hidden": "true"}, _rect(name, (0, 0, 10, 10))),
            name,
        )
        for name in DECISIONS
    ]
    return element("ul", {"class": "legend"}, *items)


def times_by_part(rows: Sequence[Row]) -> list[Element]:
    """Return a bar for each part and quantile."""
    most = max((_float(row["p99"]) for row in rows), default=0.0)
    if not most:
        return []
    drawn: list[Element] = []
    for number, row in enumerate(rows):
        y = number * 40
        drawn.append(_label(str(row["part"]), _LEFT - 6, y + 20, "end"))
        for place, name in enumerate(_QUANTILES):
            value = _float(row[name])
            width = max(value / most * (_WIDTH - _LEFT - 90), 1)
            drawn.append(_rect(name, (_LEFT, y + 2 + place * 11, width, 10)))
            drawn.append(_label(f"{name} {value:,.1f} ms", _LEFT + width + 5, y + 11 + place * 11))
    return [_chart(len(rows) * 40, "milliseconds by part: 50th, 95th and 99th percentile of exchanges", *drawn)]


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0

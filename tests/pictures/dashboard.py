"""The dashboard of the template as CloudWatch lays it out, with the lines of a generated month in it.

Its layout, titles and queries are the template's. The metrics are worked out from the lines; what no line tells, such
as the age of keys, is invented.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element, tostring

from sandbox.aws.logs_insights import LogEvent, carry_out
from tests.deploy.cloudformation import mapping, sequence, text
from tests.deploy.test_console import metrics_of, widgets
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.reporting.reasons import fault_of
from token_exchange_cli.pages.elements import element

_BINS: Final = 90
_UNIT: Final = 48
"""Pixels of one of the 24 columns of a dashboard; a row has as many."""

_COLOURS: Final = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#17becf")
_STYLES: Final = (
    "text{font:11px system-ui,sans-serif;fill:#24292f} .title{font-weight:600;font-size:13px} .big{font-size:20px}"
)

type Points = dict[int, list[float]]


def dashboard_picture(lines: Sequence[str]) -> str:
    """Return the picture, in SVG."""
    data = _Data(lines)
    drawn = [_widget(widget, data) for widget in widgets()]
    width, height = (
        _UNIT * max(int(str(widget[start])) + int(str(widget[size])) for widget in widgets())
        for start, size in (("x", "width"), ("y", "height"))
    )
    ground = element("rect", {"width": str(width), "height": str(height), "fill": "#f2f3f3"})
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}"}
    return tostring(element("svg", attributes, element("style", {}, _STYLES), ground, *drawn), "unicode") + "\n"


class _Data:
    """What CloudWatch would hold after the lines were written."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._records: list[dict[str, Json]] = [json.loads(line) for line in lines]
        times = [datetime.fromisoformat(str(record["timestamp"])).timestamp() for record in self._records]
        first, last = times[0], times[-1] + 1
        self._bins = [int((time - first) / (last - first) * _BINS) for time in times]
        self.events = [
            LogEvent(timestamp=str(record["timestamp"]), message=line)
            for line, record in zip(lines, self._records, strict=True)
        ]

    def series(self, name: str, dimensions: Mapping[str, str]) -> dict[str, Points]:
        """Return the values of a metric in each bin, by the values of the dimensions that are searched."""
        wanted = {key: value for key, value in dimensions.items() if key in _OF_LINES}
        found: defaultdict[str, Points] = defaultdict(dict)
        for place, record in zip(self._bins, self._records, strict=True):
            for values, value in _written(name, record):
                if values.keys() == wanted.keys() and all(wanted[key] in ("*", values[key]) for key in values):
                    label = " ".join(values[key] for key in wanted if wanted[key] == "*")
                    found[label].setdefault(place, []).append(value)
        return found or {
            label: {place: [_invented(name, place + 5 * shift)] for place in range(_BINS)}
            for shift, label in enumerate(_LABELS.get(name, []))
        }


_OF_LINES: Final = ("decision", "reason", "fault")
_LABELS: Final = {
    "IssuerKeysAge": ["github", "gitlab"],
    "SuccessfulRequestLatency": ["GetItem"],
    "PolicyAge": [""],
    "ConcurrentExecutions": [""],
}


def _invented(name: str, place: int) -> float:
    """Return a likely value of a metric that no line tells."""
    match name:
        case "IssuerKeysAge":
            return 290 + 8 * math.sin(place)
        case "SuccessfulRequestLatency":
            return 4 + math.sin(place / 3)
        case "PolicyAge":
            return (place % 30) * 120.0
        case _:
            return 3 + round(2 * abs(math.sin(place / 4)))


def _written(name: str, record: Mapping[str, Json]) -> Iterator[tuple[dict[str, str], float]]:
    """Yield the values of a metric that the service writes with this line, with their dimensions."""
    timings = record["timings_ms"]
    assert isinstance(timings, dict)
    times = {"Duration": "total", "StsDuration": "sts", "EcrDuration": "ecr"}
    match name:
        case "Exchanges":
            yield {"decision": str(record["decision"]), "reason": str(record["reason"])}, 1
            if record["reason"] in set(Reason):
                yield {"fault": fault_of(Reason(str(record["reason"])), is_proven=bool(record["verified"]))}, 1
        case "ColdStart" if record.get("cold_start"):
            yield {}, 1
        case "Count":
            yield {}, 1
        case "4xx" | "5xx" if str(record["status"])[0] == name[0]:
            yield {}, 1
        case _ if name in times and times[name] in timings:
            yield {}, float(str(timings[times[name]]))


def _widget(widget: Mapping[str, object], data: _Data) -> Element:
    x, y, width, height = (int(str(widget[key])) * _UNIT for key in ("x", "y", "width", "height"))
    properties = widget["properties"]
    inside = {"text": _markdown, "alarm": _alarms, "metric": _chart, "log": _table}[str(widget["type"])]
    frame = element("rect", {"x": "3", "y": "3", "width": str(width - 6), "height": str(height - 6), "fill": "#fff"})
    parts = [frame, *inside(widget, data, width, height)]
    if isinstance(properties, dict) and "title" in properties:
        parts.append(element("text", {"x": "14", "y": "22", "class": "title"}, str(properties["title"])))
    return element("g", {"transform": f"translate({x},{y})"}, *parts)


def _markdown(widget: Mapping[str, object], _: _Data, __: int, ___: int) -> Iterator[Element]:
    for number, line in enumerate(text(widget, "properties", "markdown").split("\n")):
        shown = line.removeprefix("# ").replace("`", "")
        yield element("text", {"x": "16", "y": str(34 + 28 * number), "class": "big" if number == 0 else ""}, shown)


def _alarms(widget: Mapping[str, object], _: _Data, __: int, ___: int) -> Iterator[Element]:
    for number, arn in enumerate(sequence(widget, "properties", "alarms")):
        left, top = 14 + 188 * (number % 6), 34 + 44 * (number // 6)
        size = {"x": str(left), "y": str(top), "width": "180", "height": "36"}
        yield element("rect", {**size, "fill": "#e9f5ec", "stroke": "#2ca02c"})
        yield element("text", {"x": str(left + 8), "y": str(top + 22)}, str(arn).removesuffix(".Arn"))


def _chart(widget: Mapping[str, object], data: _Data, width: int, height: int) -> Iterator[Element]:
    lines = list(_lines(widget, data))
    left, right, top, bottom = 48, width - 16, 38, height - 44
    most = max((value for _, values in lines for value in values.values()), default=0) or 1
    for share in (0, 0.5, 1):
        level = bottom - share * (bottom - top)
        yield element("path", {"d": f"M{left},{level}H{right}", "stroke": "#e3e5e7"})
        yield element("text", {"x": str(left - 6), "y": str(level + 4), "text-anchor": "end"}, f"{share * most:,.4g}")
    place = left
    for number, (label, values) in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [
            f"{left + bin_ / (_BINS - 1) * (right - left):.1f},{bottom - value / most * (bottom - top):.1f}"
            for bin_, value in sorted(values.items())
        ]
        yield element("polyline", {"points": " ".join(points), "fill": "none", "stroke": colour, "stroke-width": "1.5"})
        if place < right - 60:
            yield element("rect", {"x": str(place), "y": str(bottom + 18), "width": "9", "height": "9", "fill": colour})
            yield element("text", {"x": str(place + 13), "y": str(bottom + 27)}, label)
        place += 26 + 6 * len(label)


def _lines(widget: Mapping[str, object], data: _Data) -> Iterator[tuple[str, dict[int, float]]]:
    """Yield each line of a chart: its label, and its value in each bin."""
    usual = str(mapping(widget, "properties").get("stat", "Sum"))
    entries = [sequence(entry)[-1] for entry in sequence(widget, "properties", "metrics")]
    for (_, name, dimensions), last in zip(metrics_of(widget), entries, strict=True):
        options = mapping(last) if isinstance(last, dict) else {}
        stat, expression = str(options.get("stat", usual)), str(options.get("expression", ""))
        label = str(options.get("label", next(reversed(dimensions.values()))))
        found = data.series(name, dimensions)
        if expression.startswith("SUM"):
            found = {"": _together(found.values())}
        for searched, points in found.items():
            decision, _, reason = searched.rpartition(" ")
            # A search for several decisions shows their reasons.
            if not decision or f'"{decision}"' in expression:
                shown = reason if "${PROP" in label else label
                yield shown, {place: _figure(values, stat) for place, values in points.items()}


def _together(points: Iterable[Points]) -> Points:
    found: Points = {}
    for one in points:
        for place, values in one.items():
            found.setdefault(place, []).extend(values)
    return found


def _figure(values: Sequence[float], stat: str) -> float:
    ordered = sorted(values)
    if stat in ("p50", "p99"):
        return ordered[int(len(ordered) * int(stat[1:]) / 100)]
    return ordered[-1] if stat in ("Maximum", "Minimum") else sum(ordered)


def _table(widget: Mapping[str, object], data: _Data, width: int, height: int) -> Iterator[Element]:
    group, _, query = text(widget, "properties", "query").partition(" | ")
    rows = carry_out(query, data.events) if "ExchangeLogGroup" in group else _throttled()
    columns = list(rows[0]) if rows else []
    step = (width - 28) // max(1, len(columns))
    shown_rows: list[dict[str, Json]] = [{column: column for column in columns}, *rows]
    for number, row in enumerate(shown_rows[: (height - 40) // 22]):
        for place, column in enumerate(columns):
            shown = str("" if row[column] is None else row[column])[: step // 7]
            where = {"x": str(14 + place * step), "y": str(46 + 22 * number), "class": "title" if number == 0 else ""}
            yield element("text", where, shown)


def _throttled() -> list[dict[str, Json]]:
    row: dict[str, Json] = {"status": "429", "gateway_error": "THROTTLED", "source_ip": "198.51.100.7"}
    return [{**row, "requests": 214, "last": "2026-10-19T08:41:07Z"}]

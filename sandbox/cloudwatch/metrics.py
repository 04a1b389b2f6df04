"""Metrics by the minute: from lines in the embedded metric format, from log lines by metric filters, and as AWS sends.

Source: CloudWatch User Guide, "Specification: Embedded metric format"; CloudWatch Logs User Guide, "Filter pattern
syntax for metric filters".
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, assert_never

MINUTE_SECONDS: Final = 60

type Dimensions = frozenset[tuple[str, str]]
type Stat = Literal["Sum", "SampleCount", "Maximum", "Minimum", "Average"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricKey:
    """A metric: the same name with other dimensions is another one."""

    namespace: str
    name: str
    dimensions: Dimensions


def dimensions_of(pairs: Mapping[str, str]) -> Dimensions:
    """Return the dimensions with these names and values."""
    return frozenset(pairs.items())


@dataclass(slots=True)
class _Series:
    """The values of one metric by minute, in the order of time; sums and counts are those of all minutes until then."""

    minutes: list[int] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0])
    counts: list[int] = field(default_factory=lambda: [0])
    lowest: list[float] = field(default_factory=list)
    highest: list[float] = field(default_factory=list)

    def add(self, minute: int, value: float, times: int) -> None:
        if self.minutes and minute < self.minutes[-1]:
            raise ValueError("values are added in the order of time")
        if not self.minutes or self.minutes[-1] < minute:
            self.minutes.append(minute)
            self.sums.append(self.sums[-1])
            self.counts.append(self.counts[-1])
            self.lowest.append(value)
            self.highest.append(value)
        self.sums[-1] += value * times
        self.counts[-1] += times
        self.lowest[-1] = min(self.lowest[-1], value)
        self.highest[-1] = max(self.highest[-1], value)

    def statistic(self, stat: Stat, start_minute: int, end_minute: int) -> float | None:
        first, after = bisect_left(self.minutes, start_minute), bisect_left(self.minutes, end_minute)
        if first == after:
            return None
        count, total = self.counts[after] - self.counts[first], self.sums[after] - self.sums[first]
        match stat:
            case "Sum":
                return total
            case "SampleCount":
                return float(count)
            case "Average":
                return total / count
            case "Minimum":
                return min(self.lowest[first:after])
            case "Maximum":
                return max(self.highest[first:after])
            case unknown:
                assert_never(unknown)


class MetricStore:
    """All metrics of one account and region."""

    def __init__(self) -> None:
        self._series: dict[MetricKey, _Series] = {}

    def put(self, key: MetricKey, value: float, *, at_seconds: float, times: int = 1) -> None:
        """Record `value`, so many times."""
        self._series.setdefault(key, _Series()).add(int(at_seconds // MINUTE_SECONDS), value, times)

    def put_line(self, line: str, *, at_seconds: float, times: int = 1) -> None:
        """Record the metrics of a log line in the embedded metric format, as if it had been written at this time."""
        for key, value in emf_values(line):
            self.put(key, value, at_seconds=at_seconds, times=times)

    def statistic(self, key: MetricKey, stat: Stat, *, start_seconds: float, end_seconds: float) -> float | None:
        """Return the statistic of the values from `start_seconds` until before `end_seconds`; None without any."""
        series = self._series.get(key)
        if series is None:
            return None
        return series.statistic(stat, int(start_seconds // MINUTE_SECONDS), int(end_seconds // MINUTE_SECONDS))

    def keys(self, namespace: str, name: str, dimension_names: frozenset[str]) -> list[MetricKey]:
        """Return the metrics of this name with exactly these dimensions, whatever their values."""
        return [
            key
            for key in self._series
            if (key.namespace, key.name) == (namespace, name)
            and frozenset(each for each, _ in key.dimensions) == dimension_names
        ]


@cache
def emf_values(line: str) -> Sequence[tuple[MetricKey, float]]:
    """Return each metric of a line with its value: one for each set of dimensions. Other lines have none.

    Raises:
        ValueError: the line promises a metric or a dimension that it does not have.
    """
    fields: object = json.loads(line)
    match fields:
        case {"_aws": {"CloudWatchMetrics": list() as directives}, **named}:
            values = {str(name): value for name, value in named.items()}
            return [found for directive in directives for found in _of_directive(directive, values)]
        case _:
            return []


def _of_directive(directive: object, fields: Mapping[str, object]) -> Iterator[tuple[MetricKey, float]]:
    match directive:
        case {"Namespace": str() as namespace, "Dimensions": list() as sets, "Metrics": list() as metrics}:
            for metric in metrics:
                name = str(metric["Name"])
                for names in sets:
                    key = MetricKey(
                        namespace=namespace,
                        name=name,
                        dimensions=dimensions_of({str(each): _text(fields, str(each)) for each in names}),
                    )
                    yield from ((key, value) for value in _values(fields, name))
        case _:
            raise ValueError(f"no directive of the embedded metric format: {directive!r}")


def _text(fields: Mapping[str, object], name: str) -> str:
    match fields.get(name):
        case str() as text if text:
            return text
        case found:
            raise ValueError(f"the dimension {name} has no text: {found!r}")


def _values(fields: Mapping[str, object], name: str) -> Sequence[float]:
    match fields.get(name):
        case int() | float() as value:
            return [float(value)]
        case list() as values:
            return [float(value) for value in values]
        case found:
            raise ValueError(f"the metric {name} has no value: {found!r}")


_TERM: Final = re.compile(r'\$\.(\w+) (!?=) "([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFilter:
    """A metric filter of a log group, from the properties of the template; each match counts one."""

    terms: tuple[tuple[str, bool, str], ...]
    namespace: str
    name: str
    dimensions: Mapping[str, str]

    @classmethod
    def from_properties(cls, properties: Mapping[str, object]) -> "MetricFilter":
        """Return the filter with these properties, worked out.

        Raises:
            ValueError: it has a form that is not supported.
        """
        pattern = str(properties["FilterPattern"])
        terms = pattern.removeprefix("{ ").removesuffix(" }").split(" && ")
        found = [_TERM.fullmatch(term) for term in terms]
        match properties["MetricTransformations"]:
            case [{"MetricNamespace": str() as namespace, "MetricName": str() as name, "MetricValue": "1", **more}]:
                named = more["Dimensions"]
            case _:
                raise ValueError("expected one transformation that counts")
        if not all(found) or not isinstance(named, list):
            raise ValueError(f"a pattern of another form: {pattern}")
        return cls(
            terms=tuple((each[1], each[2] == "=", each[3]) for each in found if each is not None),
            namespace=namespace,
            name=name,
            dimensions={each["Key"]: each["Value"].removeprefix("$.") for each in named},
        )

    def metric_of(self, line: str) -> MetricKey | None:
        """Return the metric that a log line counts for, or None."""
        fields: dict[str, object] = json.loads(line)
        if any((fields.get(name) == value) != is_equal for name, is_equal, value in self.terms):
            return None
        values = {name: _text(fields, source) for name, source in self.dimensions.items()}
        return MetricKey(namespace=self.namespace, name=self.name, dimensions=dimensions_of(values))

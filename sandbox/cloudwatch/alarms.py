"""The states of CloudWatch's alarms at a time, from their properties in a template and the metrics of a store.

Periods end at the time of the evaluation. To judge N of them CloudWatch looks at more, here two, and takes the latest N
that have data; only if there are fewer, the missing ones count as `TreatMissingData` says. Source: CloudWatch User
Guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data".
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sandbox.cloudwatch.expressions import UnknownExpression, Values, evaluate, parse_query
from sandbox.cloudwatch.metrics import MetricKey, MetricStore, Stat, dimensions_of

type State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

_MORE_PERIODS: Final = 2
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
_STATS: Final[Mapping[str, Stat]] = {stat: stat for stat in ("Sum", "SampleCount", "Maximum", "Minimum", "Average")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """The topics that a change to each state notifies."""

    alarm: tuple[str, ...]
    ok: tuple[str, ...]
    insufficient_data: tuple[str, ...]

    def on(self, state: State) -> tuple[str, ...]:
        """Return the topics that a change to `state` notifies."""
        return {"ALARM": self.alarm, "OK": self.ok, "INSUFFICIENT_DATA": self.insufficient_data}[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metric:
    key: MetricKey
    stat: Stat
    period_seconds: int

    def values(self, store: MetricStore, ends: Sequence[float]) -> Values:
        """Return the value for each period that ends at one of `ends`."""
        return [
            store.statistic(self.key, self.stat, start_seconds=end - self.period_seconds, end_seconds=end)
            for end in ends
        ]


_TOGETHER: Final[Mapping[Stat, Callable[[Sequence[float]], float]]] = {"Sum": sum, "Maximum": max, "Minimum": min}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Insights:
    query: str
    period_seconds: int

    def values(self, store: MetricStore, ends: Sequence[float]) -> Values:
        query = parse_query(self.query)
        keys = [
            key
            for key in store.keys(query.namespace, query.metric, query.dimension_names)
            if query.where.items() <= dict(key.dimensions).items()
        ]
        together = _TOGETHER[query.statistic]
        found: list[float | None] = []
        for end in ends:
            every = [
                store.statistic(key, query.statistic, start_seconds=end - self.period_seconds, end_seconds=end)
                for key in keys
            ]
            present = [value for value in every if value is not None]
            found.append(together(present) if present else None)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Math:
    """Metrics by their ids, and the expressions on them in order; the last one is watched."""

    metrics: Mapping[str, _Metric]
    expressions: tuple[tuple[str, str], ...]
    period_seconds: int

    def values(self, store: MetricStore, ends: Sequence[float]) -> Values:
        series: dict[str, Values] = {name: metric.values(store, ends) for name, metric in self.metrics.items()}
        for name, expression in self.expressions:
            series[name] = evaluate(expression, series)
        return series[self.expressions[-1][0]]


type _Source = _Metric | _Insights | _Math


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAlarm:
    """An alarm on one metric, metric math or a query."""

    name: str
    source: _Source
    periods: int
    datapoints: int
    breaches: Callable[[float], bool]
    missing: str
    actions: Actions

    def state(self, store: MetricStore, at_seconds: float) -> State:
        """Return the state at a time."""
        length = self.source.period_seconds
        ends = [at_seconds - length * back for back in range(self.periods + _MORE_PERIODS)]
        present = [value for value in self.source.values(store, ends) if value is not None]
        if not present and self.missing == "missing":
            return "INSUFFICIENT_DATA"
        judged = [self.breaches(value) for value in present[: self.periods]]
        judged += [self.missing == "breaching"] * (self.periods - len(judged) if self.missing != "missing" else 0)
        return "ALARM" if sum(judged) >= min(self.datapoints, len(judged)) else "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeAlarm:
    """An alarm on the states of others."""

    name: str
    rule: str
    actions: Actions

    def state(self, is_ringing: Callable[[str], bool]) -> State:
        """Return the state, given which alarms are active.

        Raises:
            UnknownExpression: the rule has a part that is not supported here.
        """
        tokens = _TOKEN.findall(self.rule)
        if "".join(tokens) != "".join(self.rule.split()):
            raise UnknownExpression(self.rule)
        return "ALARM" if _any_of(iter([*tokens, ""]), is_ringing)[0] else "OK"


_TOKEN: Final = re.compile(r'ALARM\("[^"]+"\)|AND|OR|\(|\)')


def _any_of(tokens: Iterator[str], is_ringing: Callable[[str], bool]) -> tuple[bool, str]:
    """Read a rule up to its end or a closing parenthesis; return its value and the last token."""
    found, last = _all_of(tokens, is_ringing)
    while last == "OR":
        more, last = _all_of(tokens, is_ringing)
        found = found or more
    return found, last


def _all_of(tokens: Iterator[str], is_ringing: Callable[[str], bool]) -> tuple[bool, str]:
    found = True
    while True:
        token = next(tokens)
        found = (_any_of(tokens, is_ringing)[0] if token == "(" else is_ringing(token[7:-2])) and found
        last = next(tokens)
        if last != "AND":
            return found, last


type Alarm = MetricAlarm | CompositeAlarm


def read_alarm(name: str, properties: Mapping[str, object]) -> Alarm:
    """Return the alarm with these properties of a template, worked out.

    Raises:
        ValueError: a property has a value that is not supported here.
    """
    actions = Actions(
        alarm=_texts(properties.get("AlarmActions")),
        ok=_texts(properties.get("OKActions")),
        insufficient_data=_texts(properties.get("InsufficientDataActions")),
    )
    rule = properties.get("AlarmRule")
    if isinstance(rule, str):
        return CompositeAlarm(name=name, rule=rule, actions=actions)
    missing = properties.get("TreatMissingData", "missing")
    if missing not in {"missing", "breaching", "notBreaching"}:
        raise ValueError(f"TreatMissingData: not supported here: {missing!r}")
    periods, threshold = int(str(properties["EvaluationPeriods"])), float(str(properties["Threshold"]))
    compare = _COMPARISONS[str(properties["ComparisonOperator"])]
    return MetricAlarm(
        name=name,
        source=_source(properties),
        periods=periods,
        datapoints=int(str(properties.get("DatapointsToAlarm", periods))),
        breaches=lambda value: compare(value, threshold),
        missing=str(missing),
        actions=actions,
    )


def _source(properties: Mapping[str, object]) -> _Source:
    match properties.get("Metrics"):
        case None:
            return _metric(properties, properties["Statistic"], properties["Period"])
        case [{"Expression": str() as query, "Period": period, "ReturnData": True}]:
            return _Insights(query=query, period_seconds=int(str(period)))
        case list() as given:
            metrics = {
                str(each["Id"]): _metric(each["MetricStat"]["Metric"], stat["Stat"], stat["Period"])
                for each in given
                if (stat := each.get("MetricStat")) is not None
            }
            watched = [each for each in given if each["ReturnData"] is True]
            if watched != given[-1:]:
                raise ValueError("expected the last expression to be the one that is watched")
            (period_seconds,) = {metric.period_seconds for metric in metrics.values()}
            expressions = tuple((str(each["Id"]), str(each["Expression"])) for each in given if "Expression" in each)
            return _Math(metrics=metrics, expressions=expressions, period_seconds=period_seconds)
        case other:
            raise ValueError(f"no metrics: {other!r}")


def _metric(properties: Mapping[str, object], stat: object, period: object) -> _Metric:
    dimensions = properties["Dimensions"]
    if not isinstance(dimensions, list):
        raise TypeError(f"no list of dimensions: {dimensions!r}")
    return _Metric(
        key=MetricKey(
            namespace=str(properties["Namespace"]),
            name=str(properties["MetricName"]),
            dimensions=dimensions_of({str(each["Name"]): str(each["Value"]) for each in dimensions}),
        ),
        stat=_STATS[str(stat)],
        period_seconds=int(str(period)),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message to a topic: an alarm changed its state."""

    at_seconds: float
    alarm: str
    state: State
    topic: str


class Watch:
    """Evaluates alarms again and again, and collects what they send. Each begins without data, as a new one does."""

    def __init__(self, alarms: Sequence[Alarm], store: MetricStore) -> None:
        self._metric_alarms = [alarm for alarm in alarms if isinstance(alarm, MetricAlarm)]
        self._composites = [alarm for alarm in alarms if isinstance(alarm, CompositeAlarm)]
        self._store = store
        self.states: dict[str, State] = {alarm.name: "INSUFFICIENT_DATA" for alarm in alarms}
        self.notifications: list[Notification] = []

    def look(self, at_seconds: float) -> None:
        """Evaluate every alarm once."""
        for alarm in self._metric_alarms:
            self._change(alarm, alarm.state(self._store, at_seconds), at_seconds)
        for composite in self._composites:
            self._change(composite, composite.state(lambda name: self.states[name] == "ALARM"), at_seconds)

    def run(self, *, start_seconds: float, end_seconds: float, every_seconds: float = 60.0) -> None:
        """Evaluate every alarm from `start_seconds` to `end_seconds`."""
        at = start_seconds
        while at <= end_seconds:
            self.look(at)
            at += every_seconds

    def rang(self) -> dict[str, set[str]]:
        """Return the alarms that notified of trouble, by the topic that they notified."""
        found: dict[str, set[str]] = {}
        for sent in self.notifications:
            if sent.state != "OK":
                found.setdefault(sent.topic, set()).add(sent.alarm)
        return found

    def _change(self, alarm: Alarm, state: State, at_seconds: float) -> None:
        if state == self.states[alarm.name]:
            return
        self.states[alarm.name] = state
        self.notifications += [
            Notification(at_seconds=at_seconds, alarm=alarm.name, state=state, topic=topic)
            for topic in alarm.actions.on(state)
        ]

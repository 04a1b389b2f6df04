"""The evaluator of alarms, by the rules and tables of CloudWatch's own guide."""

import pytest

from sandbox.cloudwatch.alarms import CompositeAlarm, MetricAlarm, State, Watch, read_alarm
from sandbox.cloudwatch.expressions import UnknownExpression
from sandbox.cloudwatch.metrics import MetricKey, MetricStore, dimensions_of

KEY = MetricKey(namespace="N", name="M", dimensions=dimensions_of({"d": "v"}))
NOW = 600_000.0


def properties(**more: object) -> dict[str, object]:
    return {
        "Namespace": "N",
        "MetricName": "M",
        "Dimensions": [{"Name": "d", "Value": "v"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **more,
    }


def state_of(points: str, **more: object) -> State:
    """Return the state after these minutes, the latest last: X breaches, 0 does not, - is missing."""
    store = MetricStore()
    for index, point in enumerate(points):
        if point != "-":
            store.put(KEY, 9 if point == "X" else 0, at_seconds=NOW - 60 * (len(points) - index))
    alarm = read_alarm("a", properties(**more))
    assert isinstance(alarm, MetricAlarm)
    return alarm.state(store, NOW)


@pytest.mark.parametrize(
    ("points", "missing", "breaching", "not_breaching"),
    [
        # The guide's table for three of three periods, of which five are looked at.
        ("0-X-X", "OK", "OK", "OK"),
        ("0----", "OK", "OK", "OK"),
        ("-----", "INSUFFICIENT_DATA", "ALARM", "OK"),
        ("0XX-X", "ALARM", "ALARM", "ALARM"),
        ("--X--", "ALARM", "ALARM", "OK"),
    ],
)
def test_missing_data_counts_as_the_guide_says(
    points: str, missing: State, breaching: State, not_breaching: State
) -> None:
    assert state_of(points, TreatMissingData="missing") == missing
    assert state_of(points, TreatMissingData="breaching") == breaching
    assert state_of(points, TreatMissingData="notBreaching") == not_breaching


def test_another_treatment_of_missing_data_is_refused() -> None:
    with pytest.raises(ValueError, match="TreatMissingData"):
        read_alarm("a", properties(TreatMissingData="ignore"))


def test_m_of_n_periods_are_enough() -> None:
    assert state_of("X0X", DatapointsToAlarm=2) == "ALARM"
    assert state_of("X00", DatapointsToAlarm=2) == "OK"


@pytest.mark.parametrize(
    ("stat", "found"), [("Sum", 6.0), ("Maximum", 5.0), ("Minimum", 1.0), ("Average", 3.0), ("SampleCount", 2.0)]
)
def test_a_statistic_is_of_one_period(stat: str, found: float) -> None:
    store = MetricStore()
    store.put(KEY, 100, at_seconds=NOW - 61)
    store.put(KEY, 1, at_seconds=NOW - 60)
    store.put(KEY, 5, at_seconds=NOW - 1)
    store.put(KEY, 100, at_seconds=NOW)
    for threshold, state in ((found, "ALARM"), (found + 0.1, "OK")):
        more = {"Statistic": stat, "Threshold": threshold, "EvaluationPeriods": 1}
        alarm = read_alarm("a", properties(**more))
        assert isinstance(alarm, MetricAlarm)
        assert alarm.state(store, NOW) == state


def test_values_are_added_in_the_order_of_time() -> None:
    store = MetricStore()
    store.put(KEY, 1, at_seconds=NOW)
    with pytest.raises(ValueError, match="in the order of time"):
        store.put(KEY, 1, at_seconds=NOW - 60)


@pytest.mark.parametrize(
    ("rule", "ringing", "state"),
    [
        ('ALARM("a")', "a", "ALARM"),
        ('ALARM("a") AND ALARM("b")', "a", "OK"),
        ('ALARM("a") AND ALARM("b")', "ab", "ALARM"),
        ('ALARM("a") OR ALARM("b") AND ALARM("c")', "a", "ALARM"),
        ('(ALARM("a") OR ALARM("b")) AND ALARM("c")', "a", "OK"),
        ('ALARM("c") AND ((ALARM("a") AND ALARM("b")) OR (ALARM("d")))', "cd", "ALARM"),
        ('ALARM("c") AND ((ALARM("a") AND ALARM("b")) OR (ALARM("d")))', "ca", "OK"),
    ],
)
def test_a_composite_alarm_follows_its_rule(rule: str, ringing: str, state: State) -> None:
    alarm = read_alarm("composite", {"AlarmRule": rule})
    assert isinstance(alarm, CompositeAlarm)
    assert alarm.state(lambda name: name in ringing) == state


def test_a_rule_of_another_form_is_refused() -> None:
    alarm = read_alarm("composite", {"AlarmRule": 'OK("a")'})
    assert isinstance(alarm, CompositeAlarm)
    with pytest.raises(UnknownExpression):
        alarm.state(lambda _: True)


def test_a_watch_notifies_of_changes_only() -> None:
    store = MetricStore()
    alarm = read_alarm(
        "a",
        properties(EvaluationPeriods=1, TreatMissingData="notBreaching", AlarmActions=["page"], OKActions=["page"]),
    )
    watch = Watch([alarm], store)
    for minute in range(20):
        store.put(KEY, 9 if 5 <= minute < 8 else 0, at_seconds=NOW + 60 * minute)
    watch.run(start_seconds=NOW + 60, end_seconds=NOW + 20 * 60)
    sent = [(each.state, (each.at_seconds - NOW) / 60) for each in watch.notifications]
    assert sent == [("OK", 1), ("ALARM", 6), ("OK", 9)]
    assert watch.rang() == {"page": {"a"}}

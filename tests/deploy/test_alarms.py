import json
from collections.abc import Callable

import pytest

from tests.deploy.cloudformation import Stack, at, load, mapping, sequence
from token_exchange.adapters.events import NAMESPACE, Metrics
from token_exchange.issuer_keys.timing import FRESH_SECONDS, USABLE_SECONDS
from token_exchange.service import MAX_REQUEST_SECONDS

TEMPLATE = "template.yaml"
ROLE = "arn:aws:iam::111122223333:role/ci-ecr-push"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"


def alarms() -> dict[str, dict[str, object]]:
    stack = Stack(TEMPLATE, {"AssumableRoleArns": ROLE, "AlarmTopicArn": TOPIC})
    resources = mapping(load(TEMPLATE), "Resources")
    return {name: stack.resource(name) for name, it in resources.items() if at(it, "Type") == "AWS::CloudWatch::Alarm"}


def test_every_alarm_is_heard_and_silence_is_one_where_there_should_be_none() -> None:
    assert len(alarms()) >= 5
    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == [TOPIC]
        assert alarm["TreatMissingData"] == ("breaching" if name == "RefresherSilentAlarm" else "notBreaching")
        assert alarm["AlarmDescription"]


@pytest.mark.parametrize(
    ("name", "tell", "query"),
    [
        (
            "IssuerKeysRefreshFailedAlarm",
            lambda metrics: metrics.issuer_keys_refresh_failed("ci"),
            "SELECT SUM(IssuerKeysRefreshFailed)",
        ),
        (
            "IssuerKeysAgeAlarm",
            lambda metrics: metrics.issuer_keys_age("ci", seconds=1),
            "SELECT MAX(IssuerKeysAge)",
        ),
        ("StateFailedAlarm", lambda metrics: metrics.state_failed("spend"), "SELECT SUM(StateFailed)"),
        ("SharedKeysFailedAlarm", lambda metrics: metrics.shared_keys_failed("ci"), "SELECT SUM(SharedKeysFailed)"),
    ],
)
def test_an_alarm_on_keys_sees_every_issuer(
    capsys: pytest.CaptureFixture[str], name: str, tell: Callable[[Metrics], None], query: str
) -> None:
    tell(Metrics())
    written = json.loads(capsys.readouterr().out)
    (directive,) = sequence(written, "_aws", "CloudWatchMetrics")
    (metric,) = sequence(directive, "Metrics")
    (dimensions,) = sequence(directive, "Dimensions")
    (asked,) = sequence(alarms()[name], "Metrics")
    # Of the metrics with exactly these dimensions, whatever their values.
    schema = f'SCHEMA("{at(directive, "Namespace")}", {", ".join(str(each) for each in sequence(dimensions))})'
    assert at(asked, "Expression") == f"{query} FROM {schema}"
    assert str(at(metric, "Name")) in query
    assert at(asked, "ReturnData") is True


def test_keys_are_too_old_before_they_are_refused_and_not_while_they_are_fresh() -> None:
    threshold = alarms()["IssuerKeysAgeAlarm"]["Threshold"]
    assert isinstance(threshold, int)
    assert FRESH_SECONDS < threshold < USABLE_SECONDS


def test_a_policy_that_does_not_load_raises_an_alarm() -> None:
    alarm = alarms()["PolicyLoadFailedAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, "PolicyLoadFailed")
    # The metric is written without dimensions; an alarm that names one would never see it.
    assert "Dimensions" not in alarm


def test_the_alarm_on_time_comes_before_the_service_gives_up() -> None:
    threshold = alarms()["DurationAlarm"]["Threshold"]
    assert isinstance(threshold, int)
    assert threshold < MAX_REQUEST_SECONDS * 1000


def test_alarms_need_no_topic() -> None:
    assert "AlarmActions" not in Stack(TEMPLATE, {"AssumableRoleArns": ROLE}).resource("ThrottlesAlarm")

import json
import re
from collections.abc import Callable, Iterable

import pytest

from tests.attempts import attempt_of, signed_token
from tests.deploy.cloudformation import Stack, at, load, mapping, sequence
from tests.fake_issuer import FakeIssuer
from token_exchange.adapters.events import NAMESPACE, Metrics
from token_exchange.core.refusals import Reason, Refused
from token_exchange.issuer_keys.timing import FRESH_SECONDS, USABLE_SECONDS
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.reasons import MEANINGS
from token_exchange.service import MAX_REQUEST_SECONDS

TEMPLATE = "template.yaml"
ROLE = "arn:aws:iam::111122223333:role/ci-ecr-push"
PAGE = "arn:aws:sns:eu-west-1:111122223333:page"
NOTICE = "arn:aws:sns:eu-west-1:111122223333:notice"
KINDS = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
URGENT = {"BrakeFailedAlarm", "AllExchangesDeniedAlarm", "FastBurnAlarm", "PolicyLoadFailedAlarm", "ProbeAlarm"}
SILENT = {"ProbeAlarm", "RefresherSilentAlarm"}
"""What notifies if data ends."""


PROVEN = signed_token(FakeIssuer().trust(entry="github"), {})


def alarms(**parameters: str) -> dict[str, dict[str, object]]:
    stack = Stack(TEMPLATE, {"AssumableRoleArns": ROLE, "AlarmTopicArn": PAGE, "NoticeTopicArn": NOTICE, **parameters})
    resources = mapping(load(TEMPLATE), "Resources")
    return {name: stack.resource(name) for name, it in resources.items() if at(it, "Type") in KINDS}


def parts_of(rules: Iterable[object]) -> set[str]:
    return {name for rule in rules for name in re.findall(r'ALARM\("(\w+)"\)', str(rule))}


def test_every_alarm_notifies_once_of_trouble_and_of_its_end() -> None:
    found = alarms()
    parts = parts_of(alarm.get("AlarmRule") for alarm in found.values())
    assert parts < found.keys()
    for name, alarm in found.items():
        assert alarm["AlarmDescription"]
        begun = alarm.get("AlarmActions") or alarm.get("InsufficientDataActions")
        # What is part of another alarm is told by that one.
        expected = None if name in parts else [PAGE] if name in URGENT else [NOTICE]
        assert (begun, alarm.get("OKActions")) == (expected, expected), name


def test_no_alarm_rings_because_there_is_nothing_to_measure() -> None:
    for name, alarm in alarms().items():
        if "AlarmRule" not in alarm:
            assert alarm["TreatMissingData"] == ("missing" if name in SILENT else "notBreaching"), name
            assert ("InsufficientDataActions" in alarm) == (name in SILENT), name


@pytest.mark.parametrize("by_issuer", ["true", "false"])
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
    capsys: pytest.CaptureFixture[str], name: str, tell: Callable[[Metrics], None], query: str, by_issuer: str
) -> None:
    tell(Metrics(deployment="exchange", by_issuer=by_issuer == "true"))
    written = json.loads(capsys.readouterr().out)
    (directive,) = sequence(written, "_aws", "CloudWatchMetrics")
    (metric,) = sequence(directive, "Metrics")
    (dimensions,) = sequence(directive, "Dimensions")
    (asked,) = sequence(alarms(MetricsByIssuer=by_issuer)[name], "Metrics")
    # Of the metrics with exactly these dimensions, whatever their values.
    schema = f'SCHEMA("{at(directive, "Namespace")}", {", ".join(str(each) for each in sequence(dimensions))})'
    # And of this deployment only.
    assert at(asked, "Expression") == f"{query} FROM {schema} WHERE deployment = '{written['deployment']}'"
    assert str(at(metric, "Name")) in query
    assert at(asked, "ReturnData") is True


def test_the_alarm_on_key_age_is_between_fresh_and_refused() -> None:
    threshold = alarms()["IssuerKeysAgeAlarm"]["Threshold"]
    assert isinstance(threshold, int)
    assert FRESH_SECONDS < threshold < USABLE_SECONDS


def test_a_policy_that_does_not_load_raises_an_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    alarm = alarms()["PolicyLoadFailedAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, "PolicyLoadFailed")
    Metrics(deployment="exchange").policy_load_failed()
    assert dimensions_of(alarm) in written_dimensions(capsys)


def test_only_the_services_own_faults_hold_a_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    alarm = alarms()["FailedExchangesAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, "Exchanges")
    counted: set[tuple[Reason, bool]] = set()
    for reason in Reason:
        for token in (None, PROVEN):
            record = AuditRecord(attempt=attempt_of())
            record.attempt.token = token
            record.refuse(Refused(reason, "x"), status=MEANINGS[reason].status)
            Metrics(deployment="exchange").exchange(record, {}, cold_start=False, policy_age_seconds=None)
            if dimensions_of(alarm) in written_dimensions(capsys):
                counted.add((reason, token is not None))
    assert counted == {
        (Reason.MISCONFIGURED, True),
        (Reason.STATE_UNAVAILABLE, True),
        (Reason.INTERNAL_ERROR, True),
        (Reason.POLICY_UNAVAILABLE, True),
        (Reason.POLICY_UNAVAILABLE, False),
    }


def test_a_policys_monitors_count_nothing_a_request_can_cause() -> None:
    monitors = sequence(load(TEMPLATE), "Resources", "PolicyEnvironment", "Properties", "Monitors")
    watched = {str(at(monitor, "AlarmArn", "Fn::GetAtt", 0)) for monitor in monitors}
    assert watched == {"PolicyLoadFailedAlarm", "FailedExchangesAlarm"}
    assert {"Name": "fault", "Value": "service"} in sequence(alarms()["FailedExchangesAlarm"], "Dimensions")


def test_each_alarm_reads_its_own_deployment() -> None:
    for name, alarm in alarms().items():
        if alarm.get("Namespace") == NAMESPACE:
            assert dimensions_of(alarm)["deployment"] == "exchange", name
        for each in map(mapping, sequence(alarm.get("Metrics", []))):
            if "MetricStat" not in each:
                assert "SELECT" not in str(each["Expression"]) or str(each["Expression"]).endswith(
                    " WHERE deployment = 'exchange'"
                ), name
            elif at(each, "MetricStat", "Metric", "Namespace") == NAMESPACE:
                assert dimensions_of(mapping(each, "MetricStat", "Metric"))["deployment"] == "exchange", name


def dimensions_of(alarm: dict[str, object]) -> dict[str, object]:
    return {str(at(each, "Name")): at(each, "Value") for each in sequence(alarm, "Dimensions")}


def written_dimensions(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Return each set of dimensions, with its values, of the metrics that were written."""
    found: list[dict[str, object]] = []
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        (directive,) = sequence(line, "_aws", "CloudWatchMetrics")
        found += [
            {str(name): line[str(name)] for name in sequence(names)} for names in sequence(directive, "Dimensions")
        ]
    return found


def test_the_duration_alarm_is_below_the_services_deadline() -> None:
    threshold = alarms()["DurationAlarm"]["Threshold"]
    assert isinstance(threshold, int)
    assert threshold < MAX_REQUEST_SECONDS * 1000


def test_alarms_need_no_topic() -> None:
    for alarm in alarms(AlarmTopicArn="", NoticeTopicArn="").values():
        assert not {"AlarmActions", "OKActions", "InsufficientDataActions"} & alarm.keys()


def test_the_budget_of_failures_is_that_of_the_objective() -> None:
    budget_percent = 100 - 99.9
    for name, rate in {
        "FastBurnHourAlarm": 14.4,
        "FastBurnMinutesAlarm": 14.4,
        "SlowBurnHoursAlarm": 6,
        "SlowBurnHalfHourAlarm": 6,
    }.items():
        assert alarms()[name]["Threshold"] == pytest.approx(rate * budget_percent)

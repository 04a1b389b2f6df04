from tests.deploy.cloudformation import Stack, at, load, mapping
from token_exchange.adapters.metrics import NAMESPACE
from token_exchange.service import MAX_REQUEST_SECONDS

TEMPLATE = "template.yaml"
ROLE = "arn:aws:iam::111122223333:role/ci-ecr-push"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"


def alarms() -> dict[str, dict[str, object]]:
    stack = Stack(TEMPLATE, {"AssumableRoleArns": ROLE, "AlarmTopicArn": TOPIC})
    resources = mapping(load(TEMPLATE), "Resources")
    return {name: stack.resource(name) for name, it in resources.items() if at(it, "Type") == "AWS::CloudWatch::Alarm"}


def test_every_alarm_is_heard_and_silence_is_no_alarm() -> None:
    assert len(alarms()) >= 5
    for alarm in alarms().values():
        assert alarm["AlarmActions"] == [TOPIC]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]


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

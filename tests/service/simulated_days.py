"""Days of simulated traffic for the template's alarms, made of what the real handler wrote for real requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.cloudwatch.alarms import Alarm, Watch, read_alarm
from sandbox.cloudwatch.metrics import MetricFilter, MetricKey, MetricStore, dimensions_of
from tests.deploy.cloudformation import Stack, at, mapping, text

TEMPLATE: Final = "template.yaml"
PAGE, NOTICE, TEAM = (f"arn:aws:sns:eu-west-1:111122223333:{name}" for name in ("page", "notice", "team"))
PARAMETERS: Final = {
    "AssumableRoleArns": "arn:aws:iam::111122223333:role/ci-ecr-push",
    "AlarmTopicArn": PAGE,
    "NoticeTopicArn": NOTICE,
    "ProbeSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:probe-AbCdEf",
}
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
MONDAY: Final = 1_796_601_600
"""A Monday at midnight, in UTC."""

STEP_SECONDS: Final = 5 * MINUTE

type Lines = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What each outcome, the start and a run of the refresher wrote."""

    outcomes: Mapping[str, Lines]
    refresher: Lines
    refresher_failing: Lines
    refresher_not_sharing: Lines
    probe: Lines
    probe_failing: Lines
    bad_policy: Lines
    bad_brake: Lines


def stack(**parameters: str) -> Stack:
    return Stack(TEMPLATE, {**PARAMETERS, **parameters})


def alarms_of(deployed: Stack) -> list[Alarm]:
    resources = mapping(deployed.template, "Resources")
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    return [
        read_alarm(name, deployed.resource(name))
        for name, it in resources.items()
        if at(it, "Type") in kinds and deployed.makes(name)
    ]


def team_alarm() -> Alarm:
    team = {"Deployment": "exchange", "TeamAccountId": "111122223333", "TeamTopicArn": TEAM}
    return read_alarm("RoleRefusedAlarm", Stack("deploy/team-alarm.yaml", team).resource("RoleRefusedAlarm"))


def with_value(lines: Lines, metric: str, value: float) -> Lines:
    """Return `lines` with another value of one metric."""
    parsed = [json.loads(line) for line in lines]
    return [json.dumps({**line, metric: [value]} if metric in line else line) for line in parsed]


class Days:
    """One deployment over time: `ask` and the other methods add what happens, in order, and `watch` looks on."""

    def __init__(self, recorded: Recorded, deployed: Stack | None = None) -> None:
        self.recorded = recorded
        self.deployed = deployed or stack()
        self.store = MetricStore()
        self.watch = Watch([*alarms_of(self.deployed), team_alarm()], self.store)
        self._throttled = MetricFilter.from_properties(self.deployed.resource("GatewayThrottledMetric"))

    def ask(self, outcome: str, at_seconds: float, times: float = 1) -> None:
        """Let so many requests have an outcome."""
        for line in self.recorded.outcomes[outcome]:
            self.store.put_line(line, at_seconds=at_seconds, times=int(times))

    def write(self, lines: Lines, at_seconds: float, times: int = 1) -> None:
        for line in lines:
            self.store.put_line(line, at_seconds=at_seconds, times=times)

    def of_lambda(self, name: str, value: float, at_seconds: float, *, function: str = "ExchangeFunction") -> None:
        """Record a metric that Lambda sends by itself."""
        key = MetricKey(namespace="AWS/Lambda", name=name, dimensions=dimensions_of({"FunctionName": function}))
        self.store.put(key, value, at_seconds=at_seconds)

    def turn_away(self, at_seconds: float, times: int) -> None:
        """Let the gateway answer 429, which only its access log shows."""
        key = self._throttled.metric_of(self.access_line(status="429"))
        assert key is not None
        self.store.put(key, 1, at_seconds=at_seconds, times=times)

    def access_line(self, **context: str) -> str:
        """Return a line of the access log; what the gateway does not know is a hyphen."""
        line = text(self.deployed.resource("HttpApi"), "AccessLogSettings", "Format")
        for name in json.loads(line).values():
            value = context.get(name.removeprefix("$context."), "-")
            line = line.replace(f'"{name}"', f'"{value}"') if name.startswith("$context.") else line
        return line

    def refresh(self, at_seconds: float, lines: Lines | None = None) -> None:
        """Let the refresher run."""
        self.write(self.recorded.refresher if lines is None else lines, at_seconds)
        self.of_lambda("Invocations", 1, at_seconds, function="RefreshKeysFunction")
        self.of_lambda("Errors", 0, at_seconds, function="RefreshKeysFunction")

    def ordinary(
        self, at_seconds: float, *, granted: float = 1.0, is_refreshed: bool = True, is_probed: bool = True
    ) -> None:
        """Add five minutes of ordinary traffic, with ordinary refusals; `granted` is the share of jobs as usual."""
        jobs = jobs_at(at_seconds)
        self.ask("granted", at_seconds, jobs * granted)
        self.ask("two-logins", at_seconds, jobs * granted / 20)
        every_hour = at_seconds % HOUR == 0
        for outcome, share in (("no-grant", 0.03), ("expired", 0.01), ("bad-scope", 0.01), ("throttled", 0.0007)):
            # At night, one an hour.
            self.ask(outcome, at_seconds, jobs * share if jobs * share >= 1 else every_hour)
        for outcome in ("other-organization", "no-token", "forged", "unknown-key"):
            self.ask(outcome, at_seconds, 4 * every_hour)
        if is_refreshed:
            self.refresh(at_seconds)
        if is_probed:
            self.write(self.recorded.probe, at_seconds)
        self.of_lambda("Duration", 400, at_seconds)

    def look(self, at_seconds: float) -> None:
        """Evaluate the alarms each minute of the five that end here."""
        self.watch.run(start_seconds=at_seconds + MINUTE, end_seconds=at_seconds + STEP_SECONDS)


def jobs_at(at_seconds: float) -> int:
    """Return how many jobs exchange a token in five minutes: many in working hours, few at night, none on some."""
    day, hour = int((at_seconds - MONDAY) // DAY), int((at_seconds - MONDAY) % DAY // HOUR)
    if day < 5 and 8 <= hour < 18:
        return 300
    return 0 if hour in {3, 4} else 6


def steps(start_seconds: float, end_seconds: float) -> list[float]:
    """Return the starts of the five minutes between two times."""
    count = int((end_seconds - start_seconds) // STEP_SECONDS)
    return [start_seconds + STEP_SECONDS * number for number in range(count)]

"""Deploying a policy by AppConfig while alarms look on: what takes a deployment back, and what must not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_appconfig import AppConfigClient

from sandbox import account
from sandbox.aws.appconfig import AlarmState, Monitor, Strategy
from sandbox.aws.appconfigdata import Place
from sandbox.aws.server import Aws
from sandbox.clocks import WALL_CLOCK
from sandbox.cloudwatch.alarms import MetricAlarm
from tests.deploy.cloudformation import at, sequence
from tests.service.front import Front, Log
from tests.service.simulated_days import HOUR, MINUTE, MONDAY, Days, Recorded, alarms_of, stack, steps

type StartChanged = Callable[[dict[str, str]], Front]
type ReadLog = Callable[[], Log]

APPLICATION, ENVIRONMENT, PROFILE = "ecr-token-exchange", "live", "policy"
PLACE = Place(application=APPLICATION, environment=ENVIRONMENT, profile=PROFILE)


class Rollout:
    """AppConfig with the template's strategy and monitors, which see the alarms of simulated days."""

    def __init__(self, aws: Aws, client: AppConfigClient, recorded: Recorded) -> None:
        self.aws, self.client = aws, client
        self.began = WALL_CLOCK()
        self.days = Days(recorded)
        deployed = stack(PolicySource="appconfig")
        strategy = deployed.resource("PolicyDeploymentStrategy")
        aws.deployments.strategies["gradual"] = Strategy(
            duration_minutes=int(str(strategy["DeploymentDurationInMinutes"])),
            growth_percent=int(str(strategy["GrowthFactor"])),
            bake_minutes=int(str(strategy["FinalBakeTimeInMinutes"])),
        )
        named = {
            str(at(monitor, "AlarmArn")).removesuffix(".Arn")
            for monitor in sequence(deployed.resource("PolicyEnvironment"), "Monitors")
        }
        self.watched = [each for each in alarms_of(deployed) if isinstance(each, MetricAlarm) and each.name in named]
        assert {alarm.name for alarm in self.watched} == named
        aws.deployments.monitors[APPLICATION, ENVIRONMENT] = [self._monitor(alarm) for alarm in self.watched]

    def _monitor(self, alarm: MetricAlarm) -> Monitor:
        def state(at_seconds: float) -> AlarmState:
            return alarm.state(self.days.store, self._simulated(at_seconds))

        return state

    def _simulated(self, at_seconds: float) -> float:
        return MONDAY + 11 * HOUR + at_seconds - self.began

    def deploy(self, content: bytes, *, strategy: str = "gradual") -> int:
        made = self.client.create_hosted_configuration_version(
            ApplicationId=APPLICATION, ConfigurationProfileId=PROFILE, Content=content, ContentType="text/yaml"
        )
        started = self.client.start_deployment(
            ApplicationId=APPLICATION,
            EnvironmentId=ENVIRONMENT,
            ConfigurationProfileId=PROFILE,
            ConfigurationVersion=str(made["VersionNumber"]),
            DeploymentStrategyId=strategy,
        )
        return started["DeploymentNumber"]

    def live(self, minutes: int, happens: Callable[[Days, float], None] | None = None) -> None:
        """Let time pass, with ordinary jobs and what else happens."""
        begin = MONDAY + 11 * HOUR + self.aws.deployments.passed_seconds
        for now in steps(begin, begin + minutes * MINUTE):
            self.days.ordinary(now)
            if happens is not None:
                happens(self.days, now)
        self.aws.deployments.passed_seconds += minutes * MINUTE
        self.aws.deployments.advance(WALL_CLOCK())

    def state(self, number: int) -> str:
        return self.client.get_deployment(
            ApplicationId=APPLICATION, EnvironmentId=ENVIRONMENT, DeploymentNumber=number
        )["State"]

    def in_force(self) -> bytes | None:
        deployed = self.aws.configurations.deployed(PLACE)
        return None if deployed is None else deployed.content


@pytest.fixture
def rollout(recorded: Recorded) -> Iterator[Rollout]:
    operator = account.operator_session()
    with Aws(roles=[operator.role], callers=[operator]) as aws:
        client = boto3.client(
            "appconfig",
            endpoint_url=aws.url,
            region_name=account.REGION,
            aws_access_key_id=operator.access_key_id,
            aws_secret_access_key=operator.secret_access_key,
            aws_session_token=operator.session_token,
        )
        yield Rollout(aws, client, recorded)
        client.close()


def test_an_ordinary_deployment_is_complete_after_its_bake(rollout: Rollout) -> None:
    number = rollout.deploy(b"first")
    rollout.live(5)
    assert rollout.state(number) == "DEPLOYING"
    rollout.live(10)
    assert rollout.state(number) == "BAKING"
    with pytest.raises(ClientError, match="ConflictException"):
        rollout.deploy(b"second")
    rollout.live(10)
    assert (rollout.state(number), rollout.in_force()) == ("COMPLETE", b"first")


@pytest.mark.parametrize(
    ("outcome", "times"),
    [("no-role", 50), ("forged", 6000), ("other-organization", 6000), ("claim-missing", 100), ("throttled", 100)],
)
def test_failures_of_others_roll_no_policy_back(rollout: Rollout, outcome: str, times: int) -> None:
    def happens(days: Days, at: float) -> None:
        days.ask(outcome, at, times)

    rollout.live(30, happens)
    number = rollout.deploy(b"deny rule")
    rollout.live(30, happens)
    assert (rollout.state(number), rollout.in_force()) == ("COMPLETE", b"deny rule")


def test_a_policy_that_breaks_the_service_is_taken_back(rollout: Rollout) -> None:
    rollout.deploy(b"good")
    rollout.live(30)
    number = rollout.deploy(b"bad")
    rollout.live(5)
    rollout.live(10, lambda days, at: days.ask("no-state", at, 40))
    assert (rollout.state(number), rollout.in_force()) == ("ROLLED_BACK", b"good")


def test_a_policy_that_does_not_load_is_taken_back(rollout: Rollout) -> None:
    rollout.deploy(b"good")
    rollout.live(30)
    number = rollout.deploy(b"bad")
    rollout.live(5, lambda days, at: days.write(days.recorded.bad_policy, at))
    rollout.live(5)
    assert (rollout.state(number), rollout.in_force()) == ("ROLLED_BACK", b"good")


def test_while_an_alarm_is_active_only_a_revert_works(rollout: Rollout) -> None:
    rollout.deploy(b"good")
    rollout.live(30)
    number = rollout.deploy(b"bad")
    rollout.live(30)
    assert rollout.in_force() == b"bad"

    def happens(days: Days, at: float) -> None:
        days.write(days.recorded.bad_policy, at)

    rollout.live(10, happens)
    # As a kill switch, AppConfig does not do: not even with AWS's strategy for emergencies.
    taken_back = rollout.deploy(b"deny rule", strategy="AppConfig.AllAtOnce")
    assert (rollout.state(taken_back), rollout.in_force()) == ("ROLLED_BACK", b"bad")
    rollout.client.stop_deployment(
        ApplicationId=APPLICATION, EnvironmentId=ENVIRONMENT, DeploymentNumber=number, AllowRevert=True
    )
    assert (rollout.state(number), rollout.in_force()) == ("REVERTED", b"good")


def test_a_new_stack_takes_its_first_policy(
    rollout: Rollout, changed: StartChanged, log: ReadLog, environment: dict[str, str]
) -> None:
    front = changed(
        {
            "TOKEN_EXCHANGE_POLICY": "appconfig:ecr-token-exchange/untouched/policy",
            "TOKEN_EXCHANGE_FIRST_POLICY": environment["TOKEN_EXCHANGE_POLICY"],
        }
    )
    assert front.send(front.token(), "registry=apps").status == 200
    written = log()
    # The packaged policy is in force, and nothing counts as a policy that does not load.
    assert (written.events[0]["event"], written.events[0]["policy_version"]) == ("policy-loaded", "packaged")
    assert not [line for line in written.metrics if "PolicyLoadFailed" in line or line.get("fault") == "service"]
    number = rollout.deploy(b"first")
    rollout.live(30)
    assert rollout.state(number) == "COMPLETE"


def test_without_any_policy_no_policy_counts_as_failed(changed: StartChanged, log: ReadLog, tmp_path: Path) -> None:
    front = changed(
        {
            "TOKEN_EXCHANGE_POLICY": "appconfig:ecr-token-exchange/untouched/policy",
            "TOKEN_EXCHANGE_FIRST_POLICY": f"file:{tmp_path / 'policy.yaml'}",
        }
    )
    assert front.send(front.token()).reason == "policy-unavailable"
    written = log()
    assert {line["event"] for line in written.events} == {"policy-not-read"}
    assert not [line for line in written.metrics if "PolicyLoadFailed" in line]

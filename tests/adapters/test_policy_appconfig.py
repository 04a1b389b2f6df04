"""A policy in AppConfig: a data plane on loopback that keeps AWS's rules, asked by real botocore."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from sandbox import account
from sandbox.aws.appconfig import Strategy
from sandbox.aws.appconfigdata import Place
from sandbox.aws.server import Aws, AwsFault, FaultKind
from sandbox.loopback import Answer, Request, Server
from tests.fake_clock import FakeClock
from tests.moved_clock import MovedClock
from tests.own_aws import aws_clients_for
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.adapters.policy_remote import POLL_SECONDS, PolicyInAppConfig, UntilFirstDeployment
from token_exchange.adapters.settings import AppConfigPlace, SystemClock
from token_exchange.core.ports import Deadline
from token_exchange.loading.store import (
    POLICY_CHECK_TIMEOUT_SECONDS,
    PolicyDocument,
    PolicyNotDeployed,
    PolicyUnreadable,
)

PLACE = AppConfigPlace(application="ecr-token-exchange", environment="live", profile="policy")
DEPLOYED = Place(application="ecr-token-exchange", environment="live", profile="policy")
START, GET = "appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"
A_DAY_SECONDS = 24 * 3600.0


class Story:
    """One environment, its clock, and the AWS that it asks."""

    def __init__(self, aws: Aws, clients: AwsClients, moved: MovedClock) -> None:
        self.aws = aws
        self.clock = FakeClock()
        self._moved = moved
        self.policy = PolicyInAppConfig(PLACE, clients=clients, calls=DeadlineCalls())

    def look(self, seconds: float = 10.0) -> PolicyDocument:
        end = self.clock.monotonic() + seconds
        return self.policy.read(Deadline(clock=self.clock, at_monotonic_seconds=end))

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._moved.ahead_seconds += seconds

    def calls(self) -> list[str]:
        return [seen.operation for seen in self.aws.requests()]

    def errors(self) -> list[str | None]:
        return [seen.error for seen in self.aws.requests() if seen.error]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Aws, AwsClients, MovedClock]]:
    roles, clock = account.roles(), MovedClock()
    service = account.service_session(roles[0])
    with (
        Aws(roles=roles, callers=[service], now=clock) as aws,
        aws_clients_for(
            aws.url, key=service.access_key_id, secret=service.secret_access_key, token=service.session_token
        ) as clients,
    ):
        yield aws, clients, clock


@pytest.fixture
def story(running: tuple[Aws, AwsClients, MovedClock]) -> Iterator[Story]:
    aws, clients, clock = running
    clock.ahead_seconds = 0.0
    aws.configurations.deploy(DEPLOYED, b"version: 1", label="v1")
    aws.forget_requests()
    yield Story(aws, clients, clock)
    aws.faults.clear()


def test_deployed_policy_is_read_and_named_by_its_label(story: Story) -> None:
    document = story.look()
    assert (document.content, document.version, document.read_file) == (b"version: 1", "v1", None)
    # The identity is then that of the file which was uploaded.
    assert document.name == "policy.yaml"


def test_one_session_serves_all_checks_and_sends_a_policy_once(story: Story) -> None:
    first = story.look()
    for _ in range(3):
        story.advance(60)
        assert story.look() is first
    assert story.calls() == [START, GET, GET, GET, GET]
    assert story.errors() == []


def test_a_new_deployment_is_seen_at_the_next_check(story: Story) -> None:
    story.look()
    story.aws.configurations.deploy(DEPLOYED, b"version: 2")
    story.advance(60)
    document = story.look()
    assert (document.content, document.version) == (b"version: 2", None)
    story.advance(60)
    assert story.look() is document


def test_appconfig_is_never_polled_sooner_than_it_allows(story: Story) -> None:
    first = story.look()
    story.advance(POLL_SECONDS - 1)
    assert story.look() is first
    assert story.calls() == [START, GET]
    story.advance(1)
    story.look()
    assert story.calls() == [START, GET, GET]
    assert story.errors() == []


@pytest.mark.parametrize("jump_seconds", [3600.0, -3600.0])
def test_an_environment_that_was_frozen_polls(story: Story, jump_seconds: float) -> None:
    story.look()
    story.aws.configurations.deploy(DEPLOYED, b"version: 2")
    story.aws.configurations.age_tokens(3600)
    story.clock.wall_seconds += jump_seconds
    assert story.look().content == b"version: 2"


def test_an_expired_token_starts_a_new_session_in_the_same_check(story: Story) -> None:
    story.look()
    story.aws.configurations.age_tokens(A_DAY_SECONDS)
    story.advance(60)
    assert story.look().content == b"version: 1"
    assert story.calls() == [START, GET, GET, START, GET]
    assert story.errors() == ["BadRequestException"]


@pytest.mark.parametrize("kind", ["throttle", "server-error", "unavailable", "access-denied", "malformed"])
@pytest.mark.parametrize("operation", [START, GET])
def test_after_a_failure_the_next_check_starts_a_new_session(story: Story, operation: str, kind: FaultKind) -> None:
    story.aws.faults.plan(operation, AwsFault(kind=kind), times=1)
    with pytest.raises(PolicyUnreadable, match=r"^appconfig:ecr-token-exchange/live/policy: "):
        story.look()
    assert story.calls().count(operation) == 1
    assert story.look().content == b"version: 1"
    assert story.calls()[-2:] == [START, GET]


@pytest.mark.parametrize("operation", [START, GET])
def test_a_connection_lost_while_frozen_is_opened_again(story: Story, operation: str) -> None:
    story.aws.faults.plan(operation, AwsFault(kind="drop"), times=1)
    assert story.look().content == b"version: 1"
    assert story.calls().count(operation) == 2


@pytest.mark.parametrize("operation", [START, GET])
def test_a_policy_that_disappears_is_a_failure(story: Story, operation: str) -> None:
    story.aws.faults.plan(operation, AwsFault(kind="drop"), times=2)
    with pytest.raises(PolicyUnreadable, match="did not answer"):
        story.look()


def test_after_a_failure_no_old_token_is_used(story: Story) -> None:
    story.look()
    story.advance(60)
    story.aws.faults.plan(GET, AwsFault(kind="server-error"), times=1)
    with pytest.raises(PolicyUnreadable):
        story.look()
    story.look()
    tokens = [str(seen.parameters["configuration_token"]) for seen in story.aws.requests(GET)]
    assert len(set(tokens)) == len(tokens) == 3


@pytest.mark.parametrize("operation", [START, GET])
def test_a_check_ends_in_time(story: Story, operation: str) -> None:
    story.aws.faults.plan(operation, AwsFault(kind="hang"), times=1)
    clock = SystemClock()
    begun = clock.monotonic()
    with pytest.raises(PolicyUnreadable):
        story.policy.read(Deadline(clock=clock, at_monotonic_seconds=begun + POLICY_CHECK_TIMEOUT_SECONDS))
    assert clock.monotonic() - begun < POLICY_CHECK_TIMEOUT_SECONDS + 0.5


def test_a_missing_or_empty_deployment_is_an_error(story: Story, running: tuple[Aws, AwsClients, MovedClock]) -> None:
    story.aws.configurations.deploy(DEPLOYED, b"")
    with pytest.raises(PolicyNotDeployed, match="empty"):
        story.look()
    elsewhere = AppConfigPlace(application="ecr-token-exchange", environment="trial", profile="policy")
    clock = FakeClock()
    with pytest.raises(PolicyNotDeployed, match="no configuration deployed there"):
        PolicyInAppConfig(elsewhere, clients=running[1], calls=DeadlineCalls()).read(
            Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 10)
        )


HEADERS = (("Next-Poll-Configuration-Token", "t2"), ("Next-Poll-Interval-In-Seconds", "15"))


@pytest.mark.parametrize(
    ("started", "answer"),
    [
        # no token, neither at first nor for the next look
        (b"{}", Answer(headers=HEADERS, body=b"version: 1")),
        (b"[]", Answer(headers=HEADERS, body=b"version: 1")),
        (b'{"InitialConfigurationToken": "t1"}', Answer(headers=HEADERS[1:], body=b"version: 1")),
    ],
)
def test_an_answer_unlike_appconfigs_is_an_error(started: bytes, answer: Answer) -> None:
    def handle(request: Request) -> Answer:
        return answer if request.method == "GET" else Answer(status=201, body=started)

    clock = FakeClock()
    with Server(handle) as server, aws_clients_for(f"http://127.0.0.1:{server.port}") as clients:
        policy = PolicyInAppConfig(PLACE, clients=clients, calls=DeadlineCalls())
        with pytest.raises(PolicyUnreadable):
            policy.read(Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 10))


# The packaged policy until AppConfig has had its first.


class Beginning:
    """An environment of a stack that has just moved to AppConfig, with a policy in its package."""

    def __init__(self, story: Story, running: tuple[Aws, AwsClients, MovedClock], folder: Path) -> None:
        self.story, self.aws = story, running[0]
        self.place = Place(application="ecr-token-exchange", environment=f"new-{folder.name}", profile="policy")
        (folder / "policy.yaml").write_text("packaged")
        self.clients, self.folder = running[1], folder
        self.source = self.environment()

    def environment(self) -> UntilFirstDeployment:
        place = AppConfigPlace(
            application=self.place.application, environment=self.place.environment, profile=self.place.profile
        )
        deployed = PolicyInAppConfig(place, clients=self.clients, calls=DeadlineCalls())
        return UntilFirstDeployment(deployed, PolicyFile(self.folder / "policy.yaml"))

    def read(self, source: UntilFirstDeployment | None = None) -> tuple[bytes, str | None]:
        end = self.story.clock.monotonic() + 10
        document = (source or self.source).read(Deadline(clock=self.story.clock, at_monotonic_seconds=end))
        return bytes(document.content), document.version

    def deploy(self, content: bytes, strategy: str = "AppConfig.AllAtOnce") -> None:
        operator = account.operator_session()
        self.aws.principals.remember(operator)
        client = boto3.client(
            "appconfig",
            endpoint_url=self.aws.url,
            region_name="eu-west-1",
            aws_access_key_id=operator.access_key_id,
            aws_secret_access_key=operator.secret_access_key,
            aws_session_token=operator.session_token,
        )
        made = client.create_hosted_configuration_version(
            ApplicationId=self.place.application,
            ConfigurationProfileId=self.place.profile,
            Content=content,
            ContentType="application/x-yaml",
            VersionLabel="v1",
        )
        client.start_deployment(
            ApplicationId=self.place.application,
            EnvironmentId=self.place.environment,
            ConfigurationProfileId=self.place.profile,
            ConfigurationVersion=str(made["VersionNumber"]),
            DeploymentStrategyId=strategy,
        )
        client.close()


@pytest.fixture
def beginning(story: Story, running: tuple[Aws, AwsClients, MovedClock], tmp_path: Path) -> Iterator[Beginning]:
    found = Beginning(story, running, tmp_path)
    yield found
    found.aws.deployments.monitors.clear()


def test_until_the_first_deployment_the_package_is_in_force(beginning: Beginning) -> None:
    assert beginning.read() == (b"packaged", "packaged")
    beginning.deploy(b"deployed")
    assert beginning.read() == (b"deployed", "v1")
    # From the first deployment on, in every environment.
    assert beginning.read(beginning.environment()) == (b"deployed", "v1")


def test_a_first_deployment_rolled_back_was_never_in_force(beginning: Beginning) -> None:
    beginning.aws.deployments.monitors[beginning.place.application, beginning.place.environment] = [lambda _: "ALARM"]
    beginning.deploy(b"deployed")
    assert (
        beginning.aws.deployments.deployment(beginning.place.application, beginning.place.environment).state
        == "ROLLED_BACK"
    )
    assert beginning.read() == (b"packaged", "packaged")


def test_a_gradual_first_deployment_leaves_a_policy_in_force(beginning: Beginning) -> None:
    beginning.aws.deployments.strategies["gradual"] = Strategy(duration_minutes=10, growth_percent=20, bake_minutes=10)
    beginning.deploy(b"deployed", "gradual")
    found = [beginning.read(beginning.environment())[0] for _ in range(10)]
    assert set(found) == {b"packaged", b"deployed"}
    beginning.aws.deployments.passed_seconds += 10 * 60
    assert {beginning.read(beginning.environment())[0] for _ in range(5)} == {b"deployed"}


def test_a_deployment_that_is_gone_revives_no_packaged_policy(beginning: Beginning) -> None:
    beginning.deploy(b"deployed")
    assert beginning.read() == (b"deployed", "v1")
    beginning.aws.deployments.passed_seconds += 30 * 60  # past the bake
    beginning.story.advance(60)
    assert beginning.read() == (b"deployed", "v1")
    beginning.aws.configurations.restore(beginning.place, None)
    beginning.story.advance(60)
    beginning.story.advance(60)
    with pytest.raises(PolicyUnreadable, match="ResourceNotFoundException"):
        beginning.read()
    # Nor in an environment that has seen nothing yet: AppConfig remembers.
    with pytest.raises(PolicyNotDeployed):
        beginning.read(beginning.environment())


def test_without_the_deployment_history_there_is_no_policy(beginning: Beginning) -> None:
    beginning.aws.faults.plan("appconfig:ListDeployments", AwsFault(kind="access-denied"), times=1)
    with pytest.raises(PolicyUnreadable, match="AccessDenied"):
        beginning.read()
    beginning.aws.faults.plan(START, AwsFault(kind="access-denied"), times=1)
    with pytest.raises(PolicyUnreadable, match="AccessDenied"):
        beginning.read()
    assert beginning.read() == (b"packaged", "packaged")

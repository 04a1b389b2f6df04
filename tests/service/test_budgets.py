"""Budgets, through the handler and over the wire to a DynamoDB."""

import uuid
from collections.abc import Callable

import pytest

from sandbox import account
from sandbox.aws.server import AwsFault, FaultKind
from tests.service.front import Answer, Front, Log

UPDATE = "dynamodb:UpdateItem"


_POLICY = """
version: 1
issuers:
  builds:
    provider: generic
    issuer: {issuer}
    audience: https://exchange.acme.example
    algorithms: [ES256]
    organization_claim: tenant
    claims: {{repository: project}}
    organizations: [{{name: acme}}]
    ca_bundle: {ca_bundle}
    budgets:
      - {{per: repository, exchanges: 2, every: 24h}}
registries:
  base: {{type: ecr, account: "444455556666", region: us-east-1}}
grants:
  - name: base-images
    issuers: [builds]
    registry: base
    role: {role}
    access: pull
    repositories: ["base/*"]
"""


@pytest.fixture
def limited(
    front: Front, changed: Callable[[dict[str, str]], Front], tmp_path_factory: pytest.TempPathFactory
) -> Front:
    """Start a handler whose policy lets each repository exchange twice a day."""
    issuer = front.world.issuer
    path = tmp_path_factory.mktemp("budgets") / "policy.yaml"
    path.write_text(
        _POLICY.format(issuer=issuer.issuer_url("generic"), ca_bundle=issuer.ca_bundle, role=account.PULL_ROLE)
    )
    return changed({"TOKEN_EXCHANGE_POLICY": f"file:{path}"})


@pytest.fixture
def send(limited: Front) -> Callable[[], Answer]:
    """Exchange as a repository whose budget nobody has touched."""
    project = f"acme/{uuid.uuid4().hex}"

    def send() -> Answer:
        return limited.send(limited.token(provider="generic", project=project))

    return send


def test_a_runaway_pipeline_is_stopped_before_aws_is_asked(
    front: Front, send: Callable[[], Answer], log: Callable[[], Log]
) -> None:
    assert [send().status for _ in range(2)] == [200, 200]
    front.world.aws.forget_requests()
    log()
    answer = send()
    assert (answer.status, answer.reason, answer.fields["error"]) == (
        429,
        "too-many-requests",
        "temporarily_unavailable",
    )
    assert 1 <= int(answer.headers["retry-after"]) <= 24 * 3600
    assert "2 exchanges every 24h for this repository" in str(answer.fields["error_description"])
    assert front.calls() == [UPDATE]
    (record,) = log().audit
    assert (record["decision"], record["reason"]) == ("rejected", "too-many-requests")


def test_another_repository_has_a_budget_of_its_own(limited: Front, send: Callable[[], Answer]) -> None:
    for _ in range(2):
        send()
    other = limited.token(provider="generic", project=f"acme/{uuid.uuid4().hex}")
    assert send().status == 429
    assert limited.send(other).status == 200


def test_a_count_holds_no_name(front: Front, send: Callable[[], Answer]) -> None:
    before = set(front.world.aws.state.items())
    send()
    ((name, item),) = [(name, item) for name, item in front.world.aws.state.items().items() if name not in before]
    assert name.startswith("budget#")
    assert len(name) == len("budget#") + 64
    assert item.keys() == {"exchanges", "expires_at"}


def test_refusals_and_explanations_are_not_counted(limited: Front) -> None:
    assert limited.send(limited.token(provider="generic", tenant="globex")).reason == "organization-not-allowed"
    explained = limited.send(limited.token(provider="generic"), path="/v1/explain")
    assert explained.fields["decision"] == "granted"
    assert limited.calls() == []


FAULTS: list[FaultKind] = ["throttle", "server-error", "access-denied", "malformed", "drop"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_that_fails_lets_exchanges_pass_and_the_metrics_say_so(
    front: Front, send: Callable[[], Answer], log: Callable[[], Log], fault: FaultKind
) -> None:
    front.world.aws.faults.plan(UPDATE, AwsFault(kind=fault))
    log()
    assert [send().status for _ in range(3)] == [200, 200, 200]
    found = log()
    failed = [event for event in found.events if event["event"] == "state-failed"]
    assert [event["task"] for event in failed] == ["budget"] * 3
    assert len([line for line in found.metrics if "StateFailed" in line]) == 3

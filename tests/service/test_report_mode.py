"""Report mode through the handler: everything is verified, decided and recorded, and nothing is done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.front import Front, Log
from tests.service.policy import REPORT_AUDIENCE, policy_with_budget
from token_exchange.core.ports import Json

ON_TRIAL: Json = {
    "decision": "granted",
    "grant": "on-trial",
    "registry": "base",
    "access": "pull",
    "repositories": ["base/*"],
}


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "policy.yaml"


@pytest.fixture
def write(front: Front, path: Path) -> Callable[[str, str], None]:
    """Write a policy that counts and spends, with these modes of its issuer and of its grant."""

    def written(of_issuer: str, of_grant: str) -> None:
        grant: dict[str, Json] = {"name": "on-trial", "single_use": True, "mode": of_grant}
        path.write_text(policy_with_budget(front.backends.issuer, exchanges=1, issuer_mode=of_issuer, **grant))

    return written


@pytest.mark.parametrize(
    ("of_issuer", "of_grant"), [("report", "enforce"), ("enforce", "report"), ("report", "report")]
)
def test_report_mode_spends_counts_and_calls_nothing(
    front: Front,
    changed: Callable[[dict[str, str]], Front],
    log: Callable[[], Log],
    path: Path,
    write: Callable[[str, str], None],
    of_issuer: str,
    of_grant: str,
) -> None:
    write(of_issuer, of_grant)
    trial = changed({"TOKEN_EXCHANGE_POLICY": f"file:{path}", "TOKEN_EXCHANGE_POLICY_MAX_AGE": "0"})
    # A repository of its own, since all tests share one table.
    token = trial.token(provider="generic", project=f"acme/{of_issuer}-{of_grant}")
    log()
    for _ in range(3):
        answer = trial.send(token)
        assert (answer.status, answer.reason) == (403, "no-matching-grant")
        assert "report mode" in str(answer.fields["hint"])
        (record,) = log().audit
        assert (record["decision"], record["reason"]) == ("denied", "no-matching-grant")
        assert record["would"] == [ON_TRIAL]
        assert "grants" not in record
        assert "state" not in str(record["timings_ms"])
    assert front.calls() == []
    # The very token is good once, and its repository's only exchange was not counted.
    write("enforce", "enforce")
    granted = trial.send(token)
    assert granted.status == 200, granted.body
    spent = ["dynamodb:UpdateItem", "dynamodb:PutItem"]
    assert front.calls() == [*spent, "sts:AssumeRole", "ecr:GetAuthorizationToken"]
    (record,) = log().audit
    assert "would" not in record or record["would"] == []


def test_a_login_is_recorded_with_report_only_awards(front: Front, log: Callable[[], Log]) -> None:
    answer = front.send(front.token(environment="trial"))
    assert answer.status == 200
    assert [entry["grant"] for entry in answer.texts("registries")] == ["own-images", "base-images"]
    (record,) = log().audit
    assert record["decision"] == "granted"
    assert record["would"] == [
        {"decision": "granted", "grant": "on-trial", "registry": "trial", "access": "pull", "repositories": ["base/*"]}
    ]


def test_report_mode_of_an_issuer_is_shown_without_a_grant_too(front: Front, log: Callable[[], Log]) -> None:
    answer = front.send(front.token("push-feature", audience=REPORT_AUDIENCE))
    assert (answer.status, answer.reason) == (403, "no-matching-grant")
    assert "report mode" in str(answer.fields["hint"])
    # And what it wants besides, which is what the trial is for.
    assert "wants branch main" in str(answer.fields["error_description"])
    (record,) = log().audit
    assert record.get("would", []) == []
    assert front.calls() == []


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("other-organization", "organization-not-allowed"),
        ("leaked-runner", "denied"),
        ("pull-request-target", "untrusted-trigger"),
    ],
)
def test_an_issuer_in_report_mode_refuses_as_ever(front: Front, scenario: str, reason: str) -> None:
    answer = front.send(front.token(scenario, audience=REPORT_AUDIENCE))
    assert (answer.status, answer.reason) == (403, reason)
    assert front.calls() == []


def test_a_bad_token_is_refused_in_report_mode_too(front: Front) -> None:
    token = front.token(audience=REPORT_AUDIENCE)
    forged = front.token(audience=REPORT_AUDIENCE).rpartition(".")[0] + "." + token.rpartition(".")[2][::-1]
    assert front.send(forged).status == 401
    assert front.send(front.token(audience=REPORT_AUDIENCE, now=1_000_000_000.0)).reason == "expired"

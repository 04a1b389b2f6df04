"""Every CI system from token to login, with the sandbox's own policy."""

import json
from collections.abc import Callable, Mapping

import pytest

from sandbox.providers import all_providers
from tests.service.front import Front
from tests.service.policy import AUDIENCE
from token_exchange.core.ports import Json

PROVIDERS = sorted(all_providers())


@pytest.fixture
def sandboxs(front: Front, shared: Callable[[dict[str, str]], Front]) -> Front:
    return shared({"TOKEN_EXCHANGE_POLICY": f"file:{front.backends.policy_path}"})


def token(front: Front, provider: str, scenario: str | None = None, claims: Mapping[str, Json] | None = None) -> str:
    audience = all_providers()[provider].fixed_audience or AUDIENCE
    return front.backends.issuer.mint(provider, audience=audience, scenario=scenario, claims=claims)


@pytest.mark.parametrize("provider", [name for name, one in all_providers().items() if one.entry.pulls_base])
def test_a_job_pulls_base_images(sandboxs: Front, provider: str) -> None:
    answer = sandboxs.send(token(sandboxs, provider, all_providers()[provider].shown.granted), {"registry": "base"})
    assert (answer.status, answer.fields.get("scope")) == (200, "repository:base/*:pull")
    assert sandboxs.calls() == ["sts:AssumeRole", "ecr:GetAuthorizationToken"]


def test_a_deployment_pushes_its_own_images(sandboxs: Front) -> None:
    answer = sandboxs.send(token(sandboxs, "bitbucket-pipelines", "deployment"), {"registry": "apps"})
    own = "bitbucket/c2e7a415-9d30-4b8c-a1f6-68b4d7e05392"
    assert answer.status == 200
    assert answer.fields["scope"] == f"repository:{own}:pull,push repository:{own}/*:pull,push"


@pytest.mark.parametrize(
    ("provider", "scenario", "registry", "reason"),
    [
        ("bitbucket-pipelines", "push-main", "apps", "no-matching-grant"),
        ("bitrise", "pull-request", "base", "untrusted-trigger"),
        ("bitrise", "other-workspace", "base", "organization-not-allowed"),
        ("aws-sts", "other-account", "base", "organization-not-allowed"),
        ("circleci", "fork", "apps", "no-matching-grant"),
        ("circleci", "ssh-rerun", "apps", "invalid-claim"),
        ("buildkite", "default-claims", "base", "missing-claim"),
        ("buildkite", "tag-called-main", "apps", "no-matching-grant"),
        ("azure-devops", "service-connection", "base", "missing-claim"),
        ("azure-devops", "pull-request", "base", "untrusted-trigger"),
        ("google", "person", "base", "invalid-claim"),
        ("google", "default-account", "base", "organization-not-allowed"),
        ("hcp-terraform", "plan", "base", "untrusted-trigger"),
        ("jenkins", "no-build", "base", "missing-claim"),
        ("semaphore", "pull-request", "base", "untrusted-trigger"),
        ("semaphore", "debug", "base", "invalid-claim"),
        ("codefresh", "pull-request", "base", "untrusted-trigger"),
        ("harness", "other-account", "base", "invalid-claim"),
        ("spacelift", "proposed", "base", "untrusted-trigger"),
        ("spacelift", "module-of-the-same-name", "apps", "no-matching-grant"),
        ("kubernetes", "other-namespace", "base", "organization-not-allowed"),
        ("forgejo", "pull-request-target", "base", "untrusted-trigger"),
        ("gitea", "other-owner", "base", "organization-not-allowed"),
        ("vela", "fork", "base", "untrusted-trigger"),
    ],
)
def test_refusals_make_no_call_to_aws(
    sandboxs: Front, provider: str, scenario: str, registry: str, reason: str
) -> None:
    answer = sandboxs.send(token(sandboxs, provider, scenario), {"registry": registry})
    assert (answer.status, answer.reason) == (401 if reason.endswith("-claim") else 403, reason)
    assert sandboxs.calls() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_systems_key_does_not_sign_for_another(sandboxs: Front, provider: str) -> None:
    for other in all_providers().values():
        if other.name != provider:
            issuer = sandboxs.backends.issuer.issuer_url(other.name)
            audience = other.fixed_audience or AUDIENCE
            forged = sandboxs.token(provider=provider, audience=audience, iss=issuer)
            answer = sandboxs.send(forged, {"registry": "base"})
            # A key of another type is none of the algorithms that the other takes.
            assert (answer.status, answer.reason in {"unknown-key", "unsupported-algorithm"}) == (401, True)
    assert sandboxs.calls() == []


def test_a_circleci_grant_without_a_branch_is_explained(sandboxs: Front) -> None:
    answer = sandboxs.send(token(sandboxs, "circleci", "fork"), {"registry": "apps"})
    # The grant's failed condition says whose repository it is for, so it is not shown.
    assert "considered" not in answer.fields
    assert answer.fields["considered_not_shown"] == 1


def test_a_claim_new_from_a_provider_is_reported_once(sandboxs: Front, capsys: pytest.CaptureFixture[str]) -> None:
    name = "oddly\u2028named" + " x" * 300
    strange: dict[str, Json] = {"namespace_path": "stranger", "project_path": "stranger/x", "of_a_stranger": 1}
    assert sandboxs.send(token(sandboxs, "gitlab", claims=strange), {"registry": "base"}).status == 403
    for _ in range(2):
        assert sandboxs.send(token(sandboxs, "gitlab", claims={name: "secret"}), {"registry": "base"}).status == 200
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in lines if line.get("event") == "unknown-claim"]
    assert [(line["level"], line["issuer"], line["provider"]) for line in told] == [("WARNING", "gitlab", "gitlab")]
    assert told[0]["record"] == "event"
    assert told[0]["claim"] == name[:500]
    assert "secret" not in json.dumps(told)

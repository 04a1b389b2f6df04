"""Bitbucket, Bitrise and AWS from token to login, with the sandbox's own policy."""

from collections.abc import Callable

import pytest

from tests.service.front import Front
from token_exchange.ports import Json

PROVIDERS = ("aws-sts", "bitbucket-pipelines", "bitrise")


@pytest.fixture
def sandboxs(front: Front, changed: Callable[[dict[str, str]], Front]) -> Front:
    return changed({"TOKEN_EXCHANGE_POLICY": f"file:{front.world.policy_path}"})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_job_pulls_base_images(sandboxs: Front, provider: str) -> None:
    answer = sandboxs.send(sandboxs.token(provider=provider), {"registry": "base"})
    assert (answer.status, answer.fields.get("scope")) == (200, "repository:base/*:pull")
    assert sandboxs.calls() == ["sts:AssumeRole", "ecr:GetAuthorizationToken"]


def test_a_deployment_pushes_its_own_images(sandboxs: Front) -> None:
    token = sandboxs.token("deployment", provider="bitbucket-pipelines")
    answer = sandboxs.send(token, {"registry": "apps"})
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
    ],
)
def test_refusals_ask_nothing_of_aws(sandboxs: Front, provider: str, scenario: str, registry: str, reason: str) -> None:
    answer = sandboxs.send(sandboxs.token(scenario, provider=provider), {"registry": registry})
    assert (answer.status, answer.reason) == (403, reason)
    assert sandboxs.calls() == []


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("other", PROVIDERS)
def test_one_systems_key_does_not_sign_for_another(sandboxs: Front, provider: str, other: str) -> None:
    if provider != other:
        issuer: Json = sandboxs.world.issuer.issuer_url(other)
        answer = sandboxs.send(sandboxs.token(provider=provider, iss=issuer), {"registry": "base"})
        assert answer.status == 401
        assert sandboxs.calls() == []

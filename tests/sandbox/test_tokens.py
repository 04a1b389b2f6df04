from pathlib import Path

import jwt
import pytest

from sandbox.providers import all_providers
from sandbox.tokens import Mint, find_provider

NOW = 1_795_000_000.0


@pytest.fixture
def mint(issuer_folder: Path) -> Mint:
    return Mint(issuer_folder / "keys", base_url="https://localhost:8443", now=lambda: NOW)


def _claims(token: str) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize(
    ("provider", "issuer", "lifetime_seconds", "back_dated_seconds"),
    [
        ("github-actions", "https://localhost:8443/_services/token", 300, 300),
        ("gitlab", "https://localhost:8443/gitlab", 3600, 5),
        ("generic", "https://localhost:8443/generic", 600, None),
        (
            "bitbucket-pipelines",
            "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
            3600,
            None,
        ),
        ("bitrise", "https://token.builds.bitrise.io", 3600, 0),
        ("jenkins", "https://localhost:8443/jenkins/oidc", 3600, None),
        ("hcp-terraform", "https://app.terraform.io", 7200, 5),
        ("semaphore", "https://acme.semaphoreci.com", 86400, 0),
        ("gitea", "https://localhost:8443/gitea/api/actions/oidc", 300, 0),
        ("aws-sts", "https://7e21d9c4-58b0-4f3a-9a6d-e1c07b35f842.tokens.sts.global.api.aws", 300, None),
    ],
)
def test_times_are_those_of_the_provider(
    mint: Mint, provider: str, issuer: str, lifetime_seconds: int, back_dated_seconds: int | None
) -> None:
    claims = _claims(mint.mint(provider, audience="us"))
    assert claims["iss"] == issuer
    assert claims["iat"] == NOW
    assert claims["exp"] == NOW + lifetime_seconds
    assert claims.get("nbf") == (None if back_dated_seconds is None else NOW - back_dated_seconds)
    assert claims["aud"] == (["us"] if provider in {"gitea", "jenkins"} else "us")
    assert ("jti" in claims) is (provider != "jenkins")


def test_each_token_has_a_unique_id(mint: Mint) -> None:
    tokens = [_claims(mint.mint("gitlab", audience="us"))["jti"] for _ in range(3)]
    assert len(set(tokens)) == 3


def test_everything_github_sends_but_times_is_text(mint: Mint) -> None:
    for scenario in all_providers()["github-actions"].scenarios:
        claims = _claims(mint.mint("github-actions", audience="us", scenario=scenario))
        assert {name for name, value in claims.items() if not isinstance(value, str)} == {"iat", "exp", "nbf"}


def test_gitlab_sends_one_number_and_text(mint: Mint) -> None:
    for scenario in all_providers()["gitlab"].scenarios:
        claims = _claims(mint.mint("gitlab", audience="us", scenario=scenario))
        assert {name for name, value in claims.items() if not isinstance(value, str)} == {
            "iat",
            "exp",
            "nbf",
            "runner_id",
        }


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("push-main", {"sub": "repo:acme/shop:ref:refs/heads/main", "event_name": "push", "ref_type": "branch"}),
        ("tag", {"sub": "repo:acme/shop:ref:refs/tags/v2.3.0", "ref_type": "tag"}),
        ("environment", {"sub": "repo:acme/shop:environment:production", "ref": "refs/heads/main"}),
        ("pull-request", {"sub": "repo:acme/shop:pull_request", "ref": "refs/pull/12/merge", "base_ref": "main"}),
        # nothing but the event tells this one from a push
        ("pull-request-target", {"sub": "repo:acme/shop:ref:refs/heads/main", "event_name": "pull_request_target"}),
        ("other-organization", {"repository_owner": "globex", "repository_owner_id": "8001"}),
    ],
)
def test_github_scenarios(mint: Mint, scenario: str, expected: dict[str, str]) -> None:
    claims = _claims(mint.mint("github-actions", audience="us", scenario=scenario))
    assert expected.items() <= claims.items()


def test_a_forks_merge_request_names_the_fork_as_project(mint: Mint) -> None:
    claims = _claims(mint.mint("gitlab", audience="us", scenario="fork-merge-request"))
    assert claims["project_path"] == "stranger/checkout"
    assert claims["namespace_path"] == "stranger"
    assert claims["sub"] == "project_path:stranger/checkout:ref_type:branch:ref:main"
    assert claims["job_project_path"] == "acme/payments/checkout"
    assert claims["job_namespace_path"] == "acme/payments"


def test_dependent_claims_follow_a_changed_claim(mint: Mint) -> None:
    claims = _claims(mint.mint("github-actions", audience="us", claims={"repository": "acme/tea"}))
    assert claims["sub"] == "repo:acme/tea:ref:refs/heads/main"
    assert claims["workflow_ref"] == "acme/tea/.github/workflows/images.yml@refs/heads/main"
    assert _claims(mint.mint("github-actions", audience="us", claims={"sub": "mine"}))["sub"] == "mine"


def test_anything_may_be_forged_but_the_key(mint: Mint) -> None:
    token = mint.mint(
        "gitlab",
        audience=["us"],
        claims={"iss": "https://elsewhere.example", "exp": "soon", "nbf": None},
        without=["jti", "sub"],
        header={"typ": "at+jwt", "x": 1},
        now=5,
    )
    claims = _claims(token)
    assert (claims["iss"], claims["exp"], claims["nbf"], claims["iat"]) == (
        "https://elsewhere.example",
        "soon",
        None,
        5,
    )
    assert not {"jti", "sub"} & claims.keys()
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["x"], header["alg"]) == ("at+jwt", 1, "RS256")


def test_an_unknown_provider_is_answered_with_the_known_ones(mint: Mint) -> None:
    with pytest.raises(KeyError, match=r"expected one of aws-sts, azure-devops, .*, spacelift, vela"):
        mint.mint("nobody", audience="us")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bitbucket-pipelines", "bitbucket-pipelines"),
        ("bitbucket", "bitbucket-pipelines"),
        ("github", "github-actions"),
        ("aws", "aws-sts"),
        ("gitlab", "gitlab"),
    ],
)
def test_a_provider_is_found_by_a_word_of_its_name(mint: Mint, name: str, found: str) -> None:
    assert find_provider(name).name == found
    assert mint.issuer(name) == mint.issuer(found)
    assert mint.keys(name) is mint.keys(found)


@pytest.mark.parametrize("name", ["", "bit", "hub", "Github", "github-actions-", "-"])
def test_nothing_else_finds_one(name: str) -> None:
    with pytest.raises(KeyError, match="expected one of"):
        find_provider(name)

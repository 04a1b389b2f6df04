"""A role for callers' own tokens trusts an issuer's runs of one tenant, or is not made."""

from pathlib import Path

import pytest

from tests.cli.roles.made import ACCOUNT, made, may, printed, trusts
from tests.loading.documents import AUDIENCE, grant
from token_exchange.core.ports import Json

WEB = "sts:AssumeRoleWithWebIdentity"
GITHUB = "token.actions.githubusercontent.com"


def issuer(provider: str, **keys: Json) -> Json:
    return {"ci": {"provider": provider, "audience": AUDIENCE, **keys}}


def direct(**changes: Json) -> dict[str, Json]:
    return {**grant(issuers=["ci"], assume="web-identity"), **changes}


ORGANIZATIONS: list[Json] = [{"name": "nordlicht", "id": "4400117"}]
ON_GITHUB = issuer("github-actions", organizations=ORGANIZATIONS)
ON_GITLAB = issuer("gitlab", organizations=[{"name": "werft"}])


@pytest.mark.parametrize(
    ("issuers", "match", "admitted", "refused"),
    [
        # GitHub, in both forms of its subject
        (
            ON_GITHUB,
            {"branch": "main"},
            ["repo:nordlicht/x:ref:refs/heads/main", "repo:nordlicht@4400117/x@7:ref:refs/heads/main"],
            [
                "repo:nordlicht/x:ref:refs/heads/dev",
                "repo:nordlichter/x:ref:refs/heads/main",
                "repo:nordlicht@666/x@7:ref:refs/heads/main",
                "repo:mallory/nordlicht/x:ref:refs/heads/main",
            ],
        ),
        (
            ON_GITHUB,
            {"repository": "nordlicht/x", "tag": {"like": "v*"}},
            ["repo:nordlicht/x:ref:refs/tags/v1", "repo:nordlicht@4400117/x@7:ref:refs/tags/v1"],
            ["repo:nordlicht/y:ref:refs/tags/v1", "repo:nordlicht/x:ref:refs/heads/v1"],
        ),
        (
            ON_GITHUB,
            {"repository_id": "7", "branch": "main"},
            ["repo:nordlicht@4400117/x@7:ref:refs/heads/main"],
            ["repo:nordlicht/x:ref:refs/heads/main", "repo:nordlicht@4400117/x@8:ref:refs/heads/main"],
        ),
        (
            ON_GITHUB,
            {"environment": "prod:eu", "branch": "main"},
            ["repo:nordlicht/x:environment:prod%3Aeu"],
            ["repo:nordlicht/x:ref:refs/heads/main", "repo:nordlicht/x:environment:dev"],
        ),
        (
            ON_GITHUB,
            {"ref": "refs/heads/main"},
            ["repo:nordlicht/x:ref:refs/heads/main"],
            ["repo:nordlicht/x:pull_request"],
        ),
        (
            ON_GITHUB,
            {"repository": {"like": "*/x"}},
            ["repo:nordlicht/x:pull_request"],
            ["repo:mallory/x:pull_request"],
        ),
        # GitLab
        (
            ON_GITLAB,
            {"branch": "main"},
            ["project_path:werft/boote/x:ref_type:branch:ref:main"],
            ["project_path:werft/x:ref_type:tag:ref:main", "project_path:mallory/x:ref_type:branch:ref:main"],
        ),
        (
            ON_GITLAB,
            {"repository": "werft/x"},
            ["project_path:werft/x:ref_type:branch:ref:main"],
            ["project_path:werft/xy:ref_type:branch:ref:main"],
        ),
        (
            ON_GITLAB,
            {"repository": {"like": "**/x"}},
            ["project_path:werft/x:ref_type:branch:ref:main"],
            ["project_path:mallory/x:ref_type:branch:ref:main"],
        ),
        # those whose subject holds ids
        (
            issuer("bitbucket-pipelines", workspace="werft", organizations=[{"name": "werft"}]),
            {"repository_id": "a7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a"},
            ["{a7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a}:{0b9d8c7e-6f5a-4e3d-8c2b-1a0f9e8d7c6b}"],
            ["{b7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a}:{0b9d8c7e-6f5a-4e3d-8c2b-1a0f9e8d7c6b}"],
        ),
        (
            issuer("bitbucket-pipelines", workspace="werft", organizations=[{"name": "werft"}]),
            {
                "repository_id": "a7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a",
                "environment": "{5e4d3c2b-1a0f-4e9d-8c7b-6a5f4e3d2c1b}",
            },
            ["{a7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a}:{5e4d3c2b-1a0f-4e9d-8c7b-6a5f4e3d2c1b}:{0}"],
            ["{a7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a}:{0b9d8c7e-6f5a-4e3d-8c2b-1a0f9e8d7c6b}"],
        ),
        (
            issuer(
                "circleci",
                organization="c6d2b3a4-1e0f-4f5a-9b8c-7d6e5f4a3b2c",
                organizations=[{"id": "c6d2b3a4-1e0f-4f5a-9b8c-7d6e5f4a3b2c"}],
            ),
            {"pipeline_id": "1f2e3d4c-5b6a-4798-8c7d-6e5f4a3b2c1d", "repository": "nordlicht/x"},
            ["org/c6d2b3a4-1e0f-4f5a-9b8c-7d6e5f4a3b2c/project/1f2e3d4c-5b6a-4798-8c7d-6e5f4a3b2c1d/user/7"],
            ["org/c6d2b3a4-1e0f-4f5a-9b8c-7d6e5f4a3b2c/project/0f2e3d4c-5b6a-4798-8c7d-6e5f4a3b2c1d/user/7"],
        ),
        # of several organizations each has its own repositories
        (
            issuer("github-actions", organizations=[{"name": "nordlicht"}, {"name": "suedwind"}]),
            {"repository": ["nordlicht/x", "suedwind/y"], "branch": {"like": "release/?"}},
            ["repo:nordlicht/x:ref:refs/heads/release/1", "repo:suedwind@9/y@8:ref:refs/heads/release/2"],
            ["repo:nordlicht/y:ref:refs/heads/release/1", "repo:suedwind@9/x@8:ref:refs/heads/release/2"],
        ),
        (
            issuer("gitlab", organizations=[{"name": "werft"}, {"name": "hafen"}]),
            {"repository": ["werft/x", "hafen/y"], "tag": "v1"},
            ["project_path:werft/x:ref_type:tag:ref:v1", "project_path:hafen/y:ref_type:tag:ref:v1"],
            ["project_path:werft/y:ref_type:tag:ref:v1"],
        ),
        (
            issuer("bitrise", organizations=[{"id": "w1"}]),
            {"pipeline_id": "7d0f", "workflow": "publish"},
            ["app:7d0f:workflow:publish"],
            ["app:7d0f:workflow:check", "app:8:workflow:publish"],
        ),
    ],
)
def test_trust_admits_exactly_the_runs_of_the_grant(
    tmp_path: Path, issuers: Json, match: Json, admitted: list[str], refused: list[str]
) -> None:
    done = printed(tmp_path, direct(match=match), issuers=issuers)
    role = made(tmp_path, direct(match=match), issuers=issuers)
    ((statement),) = role.trust.statements
    address = statement.principals[0].partition("oidc-provider/")[2]
    assert statement.principals == (f"arn:aws:iam::{ACCOUNT}:oidc-provider/{address}",)
    for subjects, expected in ((admitted, True), (refused, False)):
        for subject in subjects:
            keys = {f"{address}__aud": AUDIENCE, f"{address}__sub": subject}
            assert trusts(role, WEB, principal=statement.principals[0], **keys) is expected, subject
            keys[f"{address}__aud"] = "sts.amazonaws.com"
            assert not trusts(role, WEB, principal=statement.principals[0], **keys)
    assert not trusts(role)
    assert "trusts tokens of ci directly" in done.err
    assert f"the OIDC provider {address} with {AUDIENCE} as an audience" in done.err


def test_condition_on_sub_takes_precedence(tmp_path: Path) -> None:
    claims: Json = {"sub": {"like": "repo:nordlicht/x:ref:refs/heads/release/**"}}
    role = made(tmp_path, direct(match={"branch": "main"}, claims=claims), issuers=ON_GITHUB)
    keys = {f"{GITHUB}__aud": AUDIENCE, f"{GITHUB}__sub": "repo:nordlicht/x:ref:refs/heads/release/a/b"}
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
    assert trusts(role, WEB, principal=provider, **keys)


def test_condition_on_a_name_of_sub_counts(tmp_path: Path) -> None:
    issuers = issuer(
        "jenkins", issuer="https://ci.nordlicht.example/oidc", organizations=[{"name": "ci.nordlicht.example"}]
    )
    role = made(tmp_path, direct(match={"pipeline": "https://ci.nordlicht.example/job/x/"}), issuers=issuers)
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.nordlicht.example/oidc"
    keys = {"ci.nordlicht.example/oidc__aud": AUDIENCE}
    assert trusts(
        role,
        WEB,
        principal=provider,
        **keys,
        **{"ci.nordlicht.example/oidc__sub": "https://ci.nordlicht.example/job/x/"},
    )
    assert not trusts(
        role,
        WEB,
        principal=provider,
        **keys,
        **{"ci.nordlicht.example/oidc__sub": "https://ci.nordlicht.example/job/y/"},
    )


@pytest.mark.parametrize(
    ("issuers", "changes"),
    [
        # a subject that looks like an outsider's
        (issuer("github-actions", organizations=[{"id": "4400117"}]), {"match": {"branch": "main"}}),
        (issuer("github-actions", organizations=[{"id": "4400117"}]), {"match": {"repository": {"like": "*/x"}}}),
        (issuer("gitlab", organizations=[{"id": "7"}]), {"match": {"branch": "main"}}),
        (issuer("bitrise", organizations=[{"id": "w1"}]), {"match": {"branch": "main"}}),
        (ON_GITHUB, {"claims": {"sub": {"like": "**"}}}),
        (ON_GITHUB, {"claims": {"sub": {"like": "*:ref:refs/heads/main"}}}),
        (ON_GITHUB, {"claims": {"sub": {"like": "?epo:nordlicht/x:pull_request"}}}),
        (ON_GITHUB, {"claims": {"sub": {"like": "repo:*/x:pull_request"}}}),
        (ON_GITHUB, {"claims": {"sub": {"like": "repo:nordlicht*"}}}),
        (ON_GITLAB, {"claims": {"sub": {"like": "project_path:werft*/x:**"}}}),
        (issuer("hcp-terraform", organizations=[{"id": "org-1"}]), {"claims": {"sub": {"like": "organization:**"}}}),
        (issuer("gitlab", organizations=[{"id": "7"}]), {"match": {"repository": {"like": "**/x"}}}),
        (ON_GITHUB, {"match": {"repository": {"not": "nordlicht/x"}, "organization": {"not": "nordlicht"}}}),
        # an organization that the grant leaves out
        (ON_GITHUB, {"match": {"organization": "suedwind"}}),
        # a provider whose subject we do not make
        (issuer("buildkite", organizations=[{"id": "1"}]), {"match": {"branch": "main"}}),
    ],
)
def test_role_that_would_trust_outsiders_is_refused(tmp_path: Path, issuers: Json, changes: dict[str, Json]) -> None:
    done = printed(tmp_path, direct(**changes), issuers=issuers)
    assert (done.status, done.out) == (1, "")
    assert "reader: nothing in it says whose tokens of ci the role may trust" in done.err


def test_google_uses_its_iam_name_and_oaud(tmp_path: Path) -> None:
    issuers = issuer("google", organizations=[{"name": "nordlicht-ci"}])
    role = made(tmp_path, direct(match={"actor_id": "1122334455"}), issuers=issuers)
    keys = {"accounts.google.com__oaud": AUDIENCE, "accounts.google.com__sub": "1122334455"}
    assert trusts(role, WEB, principal="accounts.google.com", **keys)
    assert not trusts(role, WEB, principal="accounts.google.com", **{**keys, "accounts.google.com__sub": "1"})


def test_role_may_trust_service_and_ci_system(tmp_path: Path) -> None:
    broker = grant(name="two", issuers=["ci"], repositories=["two/*"], source_identity=False, session_tags=False)
    role = made(tmp_path, direct(match={"branch": "main"}), broker, issuers=ON_GITHUB)
    assert trusts(role)
    assert len(role.trust.statements) == 2
    assert may(role, "ecr:BatchGetImage", f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/two/x")

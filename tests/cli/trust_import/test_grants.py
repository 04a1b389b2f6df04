"""The imported policy admits only runs that the trust policy admits, and those that it was written for."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ci_claims import github_claims, gitlab_claims
from tests.cli.trust_import.trusts import (
    AUDIENCE,
    GITHUB,
    admits,
    grants_of,
    iam_admits,
    imported,
    of_sub,
    policy_of,
    statement,
    trust,
)
from tests.loading.documents import Document
from token_exchange.core.ports import Json

THIRD = "https://third.example"
OWNERS = st.sampled_from(["nordlicht", "nordlicht-evil", "mallory"])
NAMES = st.sampled_from(["kompass", "kompass-2", "web"])
REFS = st.sampled_from(
    [
        "refs/heads/main",
        "refs/heads/release/1",
        "refs/heads/x/kompass@7:ref:refs/heads/main",
        "refs/tags/v1",
        "refs/tags/v1/a",
    ]
)
ENVIRONMENTS = st.sampled_from([None, "prod", "prod:eu", "main"])


@st.composite
def tokens(draw: st.DrawFn) -> dict[str, Json]:
    """Make claims as GitHub does, with a subject of each form that it has, and now and then of none."""
    owner, name, ref, environment = draw(OWNERS), draw(NAMES), draw(REFS), draw(ENVIRONMENTS)
    event = draw(st.sampled_from(["push", "pull_request", "pull_request_target"]))
    whose = f"{owner}/{name}" if draw(st.booleans()) else f"{owner}@4400117/{name}@7"
    tail = (
        f"environment:{environment.replace(':', '%3A')}"
        if environment is not None
        else "pull_request"
        if event == "pull_request"
        else f"ref:{ref}"
    )
    subject = draw(st.just(f"repo:{whose}:{tail}") | st.just(f"repo:{whose}:{tail}") | PATTERNS)
    return github_claims(
        repository=f"{owner}/{name}",
        repository_owner=owner,
        repository_id="7",
        ref=ref,
        ref_type="tag" if ref.startswith("refs/tags/") else "branch",
        environment=environment,
        event_name=event,
        aud=draw(st.sampled_from([AUDIENCE, "sts.amazonaws.com", THIRD])),
        sub=subject,
    )


PARTS = st.sampled_from(
    [
        "repo:",
        "nordlicht",
        "/",
        "kompass",
        "@4400117",
        "@7",
        ":",
        "ref:",
        "refs/heads/",
        "main",
        "environment:",
        "prod",
        "%3A",
        "*",
        "?",
        "refs/tags/",
        "v1",
        "pull_request",
        "repository_owner:",
        "${*}",
    ]
)
PATTERNS = st.lists(PARTS, min_size=1, max_size=9).map("".join)
SUBJECTS = (
    st.sampled_from(
        [
            "repo:nordlicht/kompass:ref:refs/heads/main",
            "repo:nordlicht/kompass:ref:refs/heads/*",
            "repo:nordlicht/kompass:environment:prod",
            "repo:nordlicht/kompass:pull_request",
            "repo:nordlicht/kompass:*",
            "repo:nordlicht/*",
            "repo:nordlicht*",
            "repo:nordlicht/k?mpass:ref:refs/tags/v?",
            "repo:nordlicht@4400117/kompass@7:ref:refs/heads/main",
            "repo:*/kompass:ref:refs/heads/main",
            "*",
        ]
    )
    | PATTERNS
)
OPERATORS = st.sampled_from(
    [
        "StringEquals",
        "StringLike",
        "ForAnyValue:StringLike",
        "ForAllValues:StringEquals",
        "StringLikeIfExists",
        "StringNotLike",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "ArnLike",
        "BinaryEquals",
    ]
)
CLAIMS = st.sampled_from(
    ["sub", "sub", "sub", "repository", "environment", "repository_owner", "job_workflow_ref", "unheard_of", "iss"]
)
VALUES = st.lists(
    SUBJECTS | st.sampled_from(["nordlicht", "nordlicht/kompass", "prod*", "nordlicht/*", f"https://{GITHUB}"]),
    min_size=1,
    max_size=3,
)


@st.composite
def trusts(draw: st.DrawFn) -> Document:
    statements: list[Json] = []
    for _ in range(draw(st.integers(1, 2))):
        condition: dict[str, Json] = {}
        audiences = draw(st.sampled_from([None, [AUDIENCE], ["sts.amazonaws.com", AUDIENCE]]))
        if audiences is not None:
            condition["StringEquals"] = {f"{GITHUB}:aud": [*audiences]}
        for operator in draw(st.lists(OPERATORS, max_size=2, unique=True)):
            keys = condition.setdefault(operator, {})
            assert isinstance(keys, dict)
            keys[f"{GITHUB}:{draw(CLAIMS)}"] = [*draw(VALUES)]
        statements.append(statement(condition or None))
    return trust(*statements)


@given(document=trusts(), found=st.lists(tokens(), min_size=1, max_size=8))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=3 * settings().max_examples,
)
def test_import_admits_no_one_the_trust_policy_refuses(
    tmp_path_factory: pytest.TempPathFactory, document: Document, found: list[dict[str, Json]]
) -> None:
    done = imported(tmp_path_factory.getbasetemp(), document, "--json")
    assert done.status in {0, 1}
    if done.status == 1:
        assert "would not load" not in done.err
        return
    policy = with_the_organizations(done.fields)
    issuers = done.fields["issuers"]
    assert isinstance(issuers, dict)
    # Those who may come in spite of the event are told apart by the service, which is stricter than IAM there.
    for claims in found:
        if any(admits(policy, claims, issuer=entry) for entry in issuers):
            assert iam_admits(document, claims), claims["sub"]
            # The entry pins the issuer, so that what is said of iss is not asked again.
            assert ":iss" in json.dumps(document) or iam_admits(document, claims, every_key=True), claims["sub"]


def with_the_organizations(policy: Document) -> Document:
    """Return the policy with each placeholder replaced by the widest possible value."""
    text = json.dumps(policy).replace('{"name": "replace-me"}', '{"name": "nordlicht"}, {"name": "mallory"}')
    changed: Document = json.loads(text.replace("https://replace-me.invalid", THIRD))
    for grant in grants_of(changed):
        grant["allow_untrusted_triggers"] = True
    return changed


MAIN = "repo:nordlicht/kompass:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("subject", "changes", "let_in"),
    [
        (MAIN, {}, True),
        (MAIN, {"ref": "refs/heads/dev", "sub": "repo:nordlicht/kompass:ref:refs/heads/dev"}, False),
        (MAIN, {"environment": "prod", "sub": "repo:nordlicht/kompass:environment:prod"}, False),
        # the newer form of the same repository is another subject to IAM
        (MAIN, {"sub": "repo:nordlicht@4400117/kompass@900100200:ref:refs/heads/main"}, False),
        ("repo:nordlicht/*", {}, True),
        (
            "repo:nordlicht/kompass:*",
            {"ref": "refs/heads/a/b", "sub": "repo:nordlicht/kompass:ref:refs/heads/a/b"},
            True,
        ),
        ("repo:nordlicht/kom*:ref:refs/heads/*", {}, True),
        (
            "repo:nordlicht/kompass:environment:*",
            {"environment": "prod", "sub": "repo:nordlicht/kompass:environment:prod"},
            True,
        ),
        (
            "repo:nordlicht@4400117/kompass@900100200:ref:refs/heads/main",
            {"sub": "repo:nordlicht@4400117/kompass@900100200:ref:refs/heads/main"},
            True,
        ),
        # outsiders cannot start it, whatever IAM allowed
        (
            "repo:nordlicht/kompass:pull_request",
            {"event_name": "pull_request", "ref": "refs/pull/1/merge", "sub": "repo:nordlicht/kompass:pull_request"},
            False,
        ),
    ],
)
def test_intended_runs_are_admitted(tmp_path: Path, subject: str, changes: dict[str, Json], *, let_in: bool) -> None:
    document = of_sub(subject)
    policy = policy_of(tmp_path, document)
    claims = github_claims(**changes)
    assert admits(policy, claims) is let_in
    assert admits(policy, {**claims, "aud": "sts.amazonaws.com"}) is False
    if let_in:
        assert iam_admits(document, claims)


def test_gitlab_intended_runs_are_admitted(tmp_path: Path) -> None:
    for subject, let_in in (
        ("project_path:werft/boote/jolle:ref_type:branch:ref:main", True),
        ("project_path:werft/*:ref_type:branch:ref:main", True),
        ("project_path:werft/boote/*", True),
        ("project_path:werft/boote/jolle:ref_type:tag:ref:*", False),
        ("project_path:werf*", False),
    ):
        document = of_sub(subject, address="gitlab.com")
        assert admits(policy_of(tmp_path, document), gitlab_claims()) is let_in, subject

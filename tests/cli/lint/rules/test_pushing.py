"""Who may push, and whether a condition limits it."""

import pytest

from tests.cli.lint.lint import check, codes, lint
from tests.cli.lint.policies import (
    AWS,
    BITRISE,
    BUILDKITE,
    CLUSTER,
    CODEFRESH,
    of,
    policy,
    push,
)
from tests.loading.documents import Document, changed, grant
from token_exchange.core.ports import Json
from token_exchange.loading.problems import spelled_path

MAIN: Json = {"branch": "main"}
NO_BOUND: list[dict[str, Json]] = [
    {"match": {"ref_protected": False}},
    {"match": {"branch": {"like": "?**"}}},
    {"match": {"ref": {"like": "refs/heads/**"}}},
    {"claims": {"ref_protected": "false"}},
    {"claims": {"ref_protected": {"not": "true"}}},
    {"claims": {"ref_type": "branch"}},
]
CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    ("push-from-anywhere", "grants[0]", policy(push(match=None)), policy(push(match={"tag": {"like": "v*"}}))),
    (
        "push-from-anywhere", "grants[0]",
        policy(push(match={"repository_id": "7"})),
        policy(push(match=None, claims={"ref": "refs/heads/main"})),
    ),
    (
        "environment-alone", "grants[0]",
        policy(push(match={"environment": "production"})),
        policy(push(match={"environment": "production", "repository_id": "7"})),
    ),
    (
        "unprotected-gitlab-push", "grants[0]",
        policy(push(issuers=["gitlab"])),
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": True})),
    ),
    (
        "written-by-the-job", "grants[0].match.workflow",
        policy(push(match={"branch": "main", "workflow": "images"})),
        policy(push(match={"branch": "main", "workflow_ref": "nordlicht/ci/.github/workflows/i.yml@refs/tags/v1"})),
    ),
    (
        "id-unused", "grants[0].match.repository",
        policy(push(match={"branch": "main", "repository": "nordlicht/kompass"})),
        policy(push(match={"branch": "main", "repository": "nordlicht/kompass", "repository_id": "7"})),
    ),
    # what is no bound, though it is a condition on a ref
    *(
        (
            "push-from-anywhere", "grants[0]",
            policy(push(**{"match": None, **condition})),
            policy(push(**{**condition, "match": MAIN})),
        )
        for condition in NO_BOUND
    ),
    (
        "unprotected-gitlab-push", "grants[0]",
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": False})),
        policy(push(issuers=["gitlab"], match={"branch": "main"}, claims={"ref_protected": "true"})),
    ),
    (
        "unprotected-gitlab-push", "grants[0]",
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": {"exists": True}})),
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": {"not": False}})),
    ),
    (
        "written-by-the-job", "grants[0].claims.deployment_tier",
        policy(push(issuers=["gitlab"], claims={"deployment_tier": "production"})),
        policy(push(issuers=["gitlab"], claims={"environment_protected": "true"})),
    ),
    (
        "id-unused", "grants[0].claims.repository",
        policy(push(claims={"repository": "nordlicht/kompass"})),
        policy(push(claims={"repository": "nordlicht/kompass", "repository_id": "7"})),
    ),
    (
        "id-unused", "grants[0].claims.sub",
        policy(push(claims={"sub": "repo:nordlicht/kompass:ref:refs/heads/main"})),
        policy(push(match={"repository_id": "7"}, claims={"sub": "repo:nordlicht/kompass:ref:refs/heads/main"})),
    ),
    (
        "id-unused", "grants[0].match.organization",
        policy(grant(match={"organization": "nordlicht"}), github__organizations=[{"name": "nordlicht"}]),
        # the allowlist holds the two together
        policy(grant(match={"organization": "nordlicht"})),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_conditions_on_declared_names_only_warn() -> None:
    found = of(BITRISE, match={"repository": "a/b"})
    assert "declared-alone" in codes(found)
    found = changed(found, "grants[0].match", {"repository": "a/b", "pipeline_id": "62d8"})
    assert "declared-alone" not in codes(found)


HARNESS: Json = {
    **BITRISE,
    "provider": "harness",
    "account": "bX4tRk9wQe2LmZ7sVy1Nha",
    "organizations": [{"id": "bX4tRk9wQe2LmZ7sVy1Nha"}],
}


@pytest.mark.parametrize(
    ("found", "suggestion"),
    [
        (of(BITRISE, match={"repository": "a/b"}), "add a condition on pipeline_id"),
        # its account is the issuer's, and a condition on it would change nothing
        (
            of(HARNESS, match={"pipeline_id": "images"}),
            "nothing else in its tokens is proven; keep such a grant narrow and its duration short",
        ),
    ],
)
def test_proven_name_is_suggested_if_there_is_one(found: Document, suggestion: str) -> None:
    assert [one.suggestion for one in lint(found) if one.code == "declared-alone"] == [suggestion]


@pytest.mark.parametrize(
    ("entry", "conditions", "found"),
    [
        # a branch says where, not whose
        (BITRISE, {"match": {"repository": "a/b", "branch": "main"}}, True),
        (BITRISE, {"match": {"repository": "a/b"}, "claims": {"app_slug": "62d8"}}, False),
        (BITRISE, {"match": {"repository": "a/b", "pipeline_id": {"like": "**"}}}, True),
        (BITRISE, {"match": {"branch": "main"}}, False),
        (AWS, {"claims": {"https://sts.amazonaws.com/": {"request_tags": {"team": "a"}}}}, True),
    ],
)
def test_declared_name_does_not_identify_a_run(entry: Json, conditions: dict[str, Json], *, found: bool) -> None:
    assert ("declared-alone" in codes(of(entry, **conditions))) is found


def test_sub_with_two_names_is_reported_once() -> None:
    found = policy(push(claims={"sub": "repo:nordlicht/kompass:environment:production"}))
    (finding,) = [one for one in lint(found) if one.code == "id-unused"]
    assert "repository_id" in finding.suggestion


def test_a_name_that_sub_repeats_has_one_finding() -> None:
    match: Json = {"repository": "nordlicht/kompass", "branch": "main"}
    found = policy(push(match=match, claims={"sub": "repo:nordlicht/kompass:ref:refs/heads/main"}))
    assert [spelled_path(one.path) for one in lint(found) if one.code == "id-unused"] == ["grants[0].match.repository"]


def test_sub_of_any_namespace_needs_no_id() -> None:
    found = of(CLUSTER, claims={"sub": {"like": "system:serviceaccount:*:*"}})
    assert "id-unused" not in codes(found)
    assert "id-unused" in codes(of(CLUSTER, claims={"sub": "system:serviceaccount:shop-ci:images"}))


@pytest.mark.parametrize(
    ("sub", "is_chosen"),
    [
        ("organization:acme:pipeline:shop:ref:refs/heads/main:commit:c0ffee:step:", False),
        ({"like": "organization:acme:pipeline:shop:**"}, False),
        ({"like": "**"}, True),
        ("0184990a-477b-4fa8-9968-496074483cee", True),
    ],
)
def test_buildkites_own_sub_is_not_written_by_the_job(sub: Json, *, is_chosen: bool) -> None:
    assert ("written-by-the-job" in codes(of(BUILDKITE, claims={"sub": sub}))) is is_chosen


def test_suggestion_uses_names_that_the_system_has() -> None:
    (finding,) = lint(of(BUILDKITE, access="push", match={"pipeline_id": "a"}))
    assert (finding.code, finding.suggestion) == (
        "push-from-anywhere",
        'add a condition that not everyone can meet: branch: main, or tag: {like: "v*"}',
    )
    (finding,) = lint(policy(gitlab__organizations=[{"name": "werft"}]))
    # A sub-group's project has the sub-group's id.
    assert finding.suggestion == 'list the id of each group that runs jobs instead: {id: "ITS-ID"}'


@pytest.mark.parametrize("entry", [BITRISE, BUILDKITE])
def test_sub_chosen_by_the_job_is_reported(entry: Json) -> None:
    found = lint(of(entry, match={"pipeline_id": "a"}, claims={"sub": "0184990a-477b-4fa8-9968-496074483cee"}))
    assert [(one.code, spelled_path(one.path)) for one in found] == [("written-by-the-job", "grants[0].claims.sub")]


@pytest.mark.parametrize("wanted", [{"match": {"ref": "main"}}, {"claims": {"scm_ref": "main"}}])
def test_codefresh_suggestion_is_a_ref(wanted: dict[str, Json]) -> None:
    by_id: dict[str, Json] = {"access": "push", "repositories": ["codefresh/shop"]}
    free = of(CODEFRESH, **by_id, match={"pipeline_id": "67c1e9f05a2b4d8376e0a1c9"})
    (found,) = [finding for finding in lint(free) if finding.code == "push-from-anywhere"]
    assert found.suggestion.endswith(": ref: main")
    assert "push-from-anywhere" not in codes(of(CODEFRESH, **by_id, **wanted))

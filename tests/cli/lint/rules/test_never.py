"""Grants that no caller can have."""

import pytest

from tests.cli.lint.lint import check, codes
from tests.cli.lint.policies import (
    AZURE,
    BITBUCKET,
    BITRISE,
    BUILDKITE,
    CIRCLECI,
    of,
    policy,
    push,
)
from tests.loading.documents import Document, changed, grant
from token_exchange.core.ports import Json

CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "never-matches", "grants[0]",
        policy(push(match={"branch": "main", "tag": "v1"})),
        policy(push(match={"branch": "main", "ref": "refs/heads/main"})),
    ),
    # a beginning that no sub has in a token that is let in
    (
        "never-matches", "grants[0].claims.sub",
        of(AZURE, claims={"sub": {"like": "sc://nordlicht/**"}}),
        of(AZURE, claims={"sub": {"like": "p://nordlicht/**"}}),
    ),
    (
        "never-matches", "grants[0].claims.sub",
        of(BITBUCKET, claims={"sub": {"like": "2b7e1516-28ae-42a6-abf7-158809cf4f3c:**"}}),
        of(BITBUCKET, claims={"sub": {"like": "?2b7e1516-28ae-42a6-abf7-158809cf4f3c?:**"}}),
    ),
    (
        "never-matches", "grants[0].match.event",
        policy(grant(match={"event": "pull_request"})),
        policy(grant(match={"event": "push"})),
    ),
    (
        "never-matches", "grants[0].match.event",
        policy(grant(match={"event": ["workflow_run", "issue_comment"]})),
        # one of a branch or a tag is a member's
        policy(grant(match={"event": "deployment"})),
    ),
    (
        "never-matches", "grants[0].match.organization_id",
        policy(grant(match={"organization_id": "999"})),
        policy(grant(match={"organization_id": "4400117"})),
    ),
    (
        "never-matches", "grants[0].match.organization",
        policy(grant(issuers=["gitlab"], match={"organization": "werften"}), gitlab__organizations=[{"name": "werft"}]),
        policy(grant(issuers=["gitlab"], match={"organization": "werft/x"}), gitlab__organizations=[{"name": "werft"}]),
    ),
    (
        "never-matches", "grants[0].match.repository_id",
        policy(grant(match={"repository_id": {"exists": False}})),
        policy(grant(match={"environment": {"exists": False}})),
    ),
    (
        "never-matches", "grants[0].repositories[0]",
        policy(grant(match={"branch": ["Main", "wip/a"]}, repositories=["ci/{branch}"])),
        policy(grant(match={"branch": ["Main", "wip-a"]}, repositories=["ci/{branch}"])),
    ),
    (
        "never-matches", "grants[0].match.branch",
        policy(grant(match={"branch": {"like": "m*", "exists": False}})),
        policy(grant(match={"branch": {"like": "m*", "exists": True}})),
    ),
    (
        "never-matches", "grants[0].match.branch",
        policy(grant(match={"branch": {"like": "main", "not": "main"}})),
        policy(grant(match={"branch": {"like": "main*", "not": "main"}})),
    ),
    (
        "never-matches", "grants[0].match.branch",
        policy(grant(match={"branch": {"like": ["a/**", "b"], "not_like": ["b", "a/**", "c"]}})),
        policy(grant(match={"branch": {"like": ["a/**", "b"], "not_like": ["a/**", "c"]}})),
    ),
    (
        "never-matches", "grants[0]",
        policy(grant(match={"branch": "main"}, claims={"ref_type": "tag"})),
        policy(grant(match={"branch": "main"}, claims={"ref_type": "branch"})),
    ),
    (
        "never-matches", "grants[0]",
        policy(grant(issuers=["gitlab"], match={"tag": {"like": "v*"}}, claims={"ref_type": {"not": "tag"}})),
        policy(grant(issuers=["gitlab"], match={"tag": {"like": "v*"}}, claims={"ref_type": {"not": "branch"}})),
    ),
    (
        "never-matches", "grants[0]",
        policy(grant(match={"branch": "main"}, claims={"ref": {"like": "refs/tags/**"}})),
        policy(grant(match={"branch": "main"}, claims={"ref": {"like": "refs/**"}})),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


@pytest.mark.parametrize(
    ("entry", "match", "found"),
    [
        # two claims, which a token may have both
        (BITRISE, {"branch": "main", "tag": "v1"}, []),
        # the tag's claim keeps the branch from counting
        (BUILDKITE, {"branch": "main", "tag": "v1"}, ["never-matches"]),
        # one ref, which is one of the two
        (CIRCLECI, {"branch": "main", "tag": "v1", "repository": "a/b"}, ["never-matches"]),
        (CIRCLECI, {"branch": "main", "repository": "a/b"}, []),
        # what each grant has to match there
        (CIRCLECI, {"branch": "main"}, ["never-matches"]),
    ],
)
def test_branch_and_tag_exclude_each_other_only_where_proven(entry: Json, match: Json, found: list[str]) -> None:
    assert [code for code in codes(of(entry, match=match)) if code == "never-matches"] == found


def test_issuers_own_tenant_is_the_only_one() -> None:
    assert "never-matches" in codes(of(BITBUCKET, match={"organization": "werft"}))
    assert "never-matches" not in codes(of(BITBUCKET, match={"organization": "nordlicht"}))


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (BITRISE, {"claims": {"branch_dest": "main"}}),
        (
            {"provider": "gitlab", "issuer": "https://gitlab.nordlicht.example"},
            {"match": {"event": ["merge_request_event", "external_pull_request_event"]}},
        ),
        (CIRCLECI, {"match": {"repository": "a/b", "ref": "refs/pull/7"}}),
    ],
)
def test_untrusted_triggers_only_never_matches(entry: Json, wanted: dict[str, Json]) -> None:
    found = of({**BITRISE, **entry} if isinstance(entry, dict) else entry, **wanted)
    assert "never-matches" in codes(found)
    assert "never-matches" not in codes(changed(found, "grants[0].allow_untrusted_triggers", value=True))

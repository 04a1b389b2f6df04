"""Grants behind others."""

import pytest

from tests.cli.lint.lint import check, codes, lint
from tests.cli.lint.policies import (
    CIRCLECI,
    policy,
    push,
    stored,
)
from tests.loading.documents import Document, changed, grant
from token_exchange.core.ports import Json

P: Json = {"branch": "main", "environment": "p"}
CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "unreachable", "grants[1]",
        policy(push(), push(name="two", match={"branch": "main", "environment": "p"})),
        policy(push(match={"branch": "main", "environment": "p"}), push(name="two")),
    ),
    # the earlier one may not apply: a name of its templates is not there, or its value gives no name or too long a one
    *(
        (
            "unreachable", "grants[1]",
            policy(push(**missing), push(name="two", match={"branch": "main", "environment": "p"})),
            policy(push(**missing), push(name="two")),
        )
        for missing in ({"session_tags": {"at": "{environment}"}}, {"source_identity": "{environment}"})
    ),
    (
        "unreachable", "grants[1]",
        policy(push(repositories=["ci/x", "ci/{environment}"]), push(name="two", match=P, repositories=["ci/x"])),
        policy(push(repositories=["ci/x", "ci/{environment}"]), push(name="two", repositories=["ci/x"])),
    ),
    (
        "unreachable", "grants[1]",
        policy(push(repositories=["ci/{repository}", "x"]), push(name="two", repositories=["ci/{repository}"])),
        policy(push(repositories=["ci/{repository}", "x"]), push(name="two", repositories=["x"])),
    ),
    # it does not count for those whom the later one lets in, or ends sooner, or answers less
    (
        "unreachable", "grants[1]",
        policy(grant(allow_untrusted_triggers=True), grant(name="two")),
        policy(grant(), grant(name="two", allow_untrusted_triggers=True)),
    ),
    (
        "unreachable", "grants[1]",
        policy(grant(expires="2027-06-01"), grant(name="two", expires="2027-05-01")),
        policy(grant(expires="2027-06-01"), grant(name="two")),
    ),
    (
        "unreachable", "grants[1]",
        policy(grant(repositories=["base/*"]), grant(name="two", repositories=["base/{repository}"])),
        policy(grant(repositories=["base/x"]), grant(name="two", repositories=["base/*"])),
    ),
    # a name that only a longer text needs, which may no longer fit; one that every token has
    (
        "unreachable", "grants[1]",
        policy(push(repositories=["ci/{repository}", "x/{repository}"]), push(name="two")),
        policy(push(repositories=["ci/{repository}", "more/{repository}/*"]), push(name="two")),
    ),
    (
        "unreachable", "grants[1]",
        policy(push(session_tags={"id": "{repository_id}"}), push(name="two")),
        policy(push(session_tags={"by": "{actor}"}), push(name="two")),
    ),
    # it is for fewer issuers, or for none yet
    (
        "unreachable", "grants[1]",
        policy(grant(issuers=["github", "gitlab"]), grant(name="two")),
        policy(grant(), grant(name="two", issuers=["github", "gitlab"])),
    ),
    ("unreachable", "grants[1]", policy(grant(), grant(name="two")), policy(grant(mode="report"), grant(name="two"))),
    ("unreachable", "grants[1]", policy(grant(), grant(name="two")), policy(grant(), grant(name="two", mode="report"))),
    # a grant for all behind a grant for a few
    (
        "later-gives-more", "grants[1]",
        policy(grant(match={"repository_id": "7"}), push(name="two")),
        policy(grant(match={"repository_id": "7"}), push(name="two", match={"repository_id": {"not": "7"}})),
    ),
    # a login for other repositories is not more of the same
    (
        "later-gives-more", "grants[1]",
        policy(push(), push(name="two", repositories=["ci/*"])),
        policy(push(), grant(name="two", duration="1h")),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(stored(single_use=True), stored(name="two")),
        policy(stored(), stored(name="two", single_use=True)),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(grant(match={"branch": "main"}), push(name="two")),
        policy(grant(match={"branch": "dev"}), push(name="two")),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(push(duration="15m"), push(name="two", match={"ref_protected": True}, duration="30m")),
        policy(push(duration="30m"), push(name="two", match={"ref_protected": True}, duration="15m")),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(push(single_use=True), push(name="two", match={"ref_protected": True})),
        policy(push(), push(name="two", match={"ref_protected": True}, single_use=True)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_a_grant_that_never_wins_unnamed_may_still_give_more() -> None:
    found = policy(push(duration="15m"), push(name="two", match={"branch": "main", "ref_protected": True}))
    assert codes(found) == ["unreachable", "later-gives-more"]


def test_later_grants_extra_is_spelled_as_in_the_policy() -> None:
    found = policy(
        grant(duration="15m", single_use=True, repositories=["ci/{repository}"]),
        push(name="two", repositories=["ci/{repository}", "x/{environment}"], also=["list"], duration="90m"),
    )
    (message,) = [one.message for one in lint(found) if one.code == "later-gives-more"]
    assert (
        "gets push, more repositories (x/{environment}), the right to list, more time (90m, not 15m), "
        "a login without single_use by naming it (grant=two)"
    ) in message


def test_grant_without_required_condition_shadows_nothing() -> None:
    first = grant(issuers=["ci"], match={"branch": "main"})
    second = grant(name="two", issuers=["ci"], match={"branch": "main", "repository": "a/b"})
    assert "unreachable" not in codes(changed(policy(first, second), "issuers.ci", CIRCLECI))
    first = {**first, "match": {"branch": "main", "repository": ["a/b", "a/c"]}}
    assert "unreachable" in codes(changed(policy(first, second), "issuers.ci", CIRCLECI))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"sha": "a"}, {"sha": "b"}, []),
        # a list satisfies conditions on two of its elements
        ({"groups": "a"}, {"groups": "b"}, ["later-gives-more"]),
        ({"groups": {"like": "a*"}}, {"groups": {"like": "b*"}}, ["later-gives-more"]),
        ({"groups": {"exists": False}}, {"groups": "b"}, []),
    ],
)
def test_a_claim_that_may_be_a_list_excludes_little(one: Json, other: Json, found: list[str]) -> None:
    said = codes(policy(grant(claims=one), push(name="two", claims=other)))
    assert [code for code in said if code == "later-gives-more"] == found

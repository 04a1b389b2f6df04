"""The patterns of `sub` that a role trusts for a grant are as wide as the grant's conditions."""

import pytest

from tests.loading.documents import document, grant, load
from token_exchange.core.ports import Json
from token_exchange_cli.subjects.grant_values import name_patterns
from token_exchange_cli.subjects.writing import subject_patterns


@pytest.mark.parametrize(
    ("branch", "patterns"),
    [
        ("main", ["main"]),
        (["main", "next"], ["main", "next"]),
        # what another test of the condition refuses is none of its values
        ({"like": "release/**", "not": "release/x"}, ["release/*"]),
        # whatever the branch is, as long as it is not this one: no pattern of IAM says so
        ({"not": "main"}, None),
        ({"exists": True}, None),
    ],
)
def test_a_condition_leaves_the_values_that_it_states(branch: Json, patterns: list[str] | None) -> None:
    policy = load(document(grant(match={"branch": branch})))
    found = name_patterns(policy.grants[0], "branch")
    assert (found if found is None else sorted(found)) == patterns
    assert name_patterns(policy.grants[0], "environment") is None


def test_a_branch_that_is_only_refused_is_any_branch() -> None:
    policy = load(document(grant(match={"repository": "nordlicht/x", "branch": {"not": "main"}})))
    any_branch = load(document(grant(match={"repository": "nordlicht/x"})))
    found, wider = (subject_patterns(one.grants[0], one.issuers["github"]) for one in (policy, any_branch))
    assert set(found) == set(wider)

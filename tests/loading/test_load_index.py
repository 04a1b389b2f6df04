"""The index finds what a scan finds, and looks at little."""

import dataclasses
import json
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import caller_of, github_claims, gitlab_claims
from tests.loading.documents import document, grant, load
from token_exchange.core.decision import AccessRequest, Denied, Granted, decide
from token_exchange.core.evaluate import failed_conditions
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.loading.load import ExactValueIndex

WORDS = st.sampled_from(["a", "b", "c"])
FORMS = st.one_of(
    WORDS,
    st.lists(WORDS, min_size=1, max_size=3, unique=True),
    st.fixed_dictionaries({"like": st.sampled_from(["*", "a*", "?", "**"])}),
    st.fixed_dictionaries({"not": WORDS}),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
TYPED = FORMS | st.booleans() | st.sampled_from([0, 1, 1.0]) | st.just([1, "a", True])
GRANTS = st.fixed_dictionaries(
    {},
    optional={
        "match": st.dictionaries(st.sampled_from(["repository", "branch"]), FORMS, min_size=1),
        "claims": st.dictionaries(
            st.sampled_from(["x", "x", "y", "git"]), TYPED | st.fixed_dictionaries({"branch": FORMS}), min_size=1
        ),
        "registry": st.sampled_from(["apps", "base"]),
        "mode": st.sampled_from(["enforce", "report"]),
    },
)
VALUES = (
    WORDS
    | st.booleans()
    | st.sampled_from([0, 1, 1.0, None, ""])
    | st.lists(WORDS | st.sampled_from([1, True, None]), max_size=3)
    | st.fixed_dictionaries({"branch": WORDS})
)


def without_index(policy: Policy) -> Policy:
    indexes = {
        name: ExactValueIndex(all=tuple(index.all), unindexed=tuple(index.all), slots={}, slot_conditions={})
        for name, index in policy.indexes.items()
    }
    return dataclasses.replace(policy, indexes=MappingProxyType(indexes))


@settings(max_examples=3 * settings().max_examples)
@given(
    st.lists(GRANTS, min_size=1, max_size=6),
    st.fixed_dictionaries({}, optional={"project": WORDS, "x": VALUES, "y": VALUES, "git": VALUES}),
)
def test_an_indexed_decision_equals_that_of_a_scan(grants: list[dict[str, Json]], claims: dict[str, Json]) -> None:
    policy = load(document(*(grant(name=f"g{place}", issuers=["own"], **found) for place, found in enumerate(grants))))
    caller = caller_of(policy, "own", {"tenant": "nordlicht", **claims})
    candidates = policy.indexes["own"].candidates(caller.identity.vocabulary, caller.claims)
    assert list(candidates) == sorted(candidates)
    assert {
        place for place, found in enumerate(policy.grants) if not [*failed_conditions(found.conditions, caller)]
    } <= set(candidates)

    indexed, scanned = decide(policy, caller, AccessRequest()), decide(without_index(policy), caller, AccessRequest())
    if isinstance(indexed, Granted):
        assert isinstance(scanned, Granted)
        assert (indexed.awards, indexed.would) == (scanned.awards, scanned.would)
    else:
        assert indexed == scanned


@pytest.mark.parametrize(
    ("wanted", "value", "found"),
    [
        ("a", ["b", "a"], True),
        (["a", "c"], ["b", "c"], True),
        ("a", ["b"], False),
        ("a", [], False),
        ("a", [["a"]], False),
        ("a", None, False),
        (1, [1.0], True),
        (1, [True], False),
        ("1", 1, False),
    ],
)
def test_a_list_is_looked_up_by_its_elements(wanted: Json, value: Json, found: bool) -> None:  # noqa: FBT001 - a table's column
    policy = load(document(grant(issuers=["own"], claims={"x": wanted})))
    assert list(policy.indexes["own"].candidates({}, {"x": value})) == ([0] if found else [])


def test_ten_thousand_grants_load_and_few_are_evaluated() -> None:
    grants = [
        grant(name=f"g{n}", match={"branch": "main", "repository_id": str(n), "event": ["push", "release"]})
        for n in range(10_000)
    ]
    policy = load(json.dumps(document(*grants, grant(name="anybodys", match={"branch": {"like": "**"}}))).encode())
    caller = caller_of(policy, "github", github_claims(repository_id="9999"))
    assert policy.indexes["github"].candidates(caller.identity.vocabulary, caller.claims) == [9999, 10_000]
    decision = decide(policy, caller, AccessRequest())
    assert isinstance(decision, Granted)
    assert [award.grant.name for award in decision.awards] == ["g9999"]

    outsider = caller_of(policy, "github", github_claims(repository_id="x"))
    assert policy.indexes["github"].candidates(outsider.identity.vocabulary, outsider.claims) == [10_000]
    absent = caller_of(policy, "gitlab", github_claims(project_id="1", job_id="1", ref_protected=None, ref_type=None))
    assert list(policy.indexes["gitlab"].candidates(absent.identity.vocabulary, absent.claims)) == []


def test_a_wrong_index_does_not_award_another_issuers_grant() -> None:
    policy = load(document(grant(issuers=["gitlab"], match={"branch": "main"})))
    wrong = dataclasses.replace(policy, indexes=dict.fromkeys(policy.indexes, policy.indexes["gitlab"]))
    assert isinstance(decide(wrong, caller_of(wrong, "gitlab", gitlab_claims()), AccessRequest()), Granted)
    decision = decide(wrong, caller_of(wrong, "github", github_claims()), AccessRequest())
    assert isinstance(decision, Denied)
    assert decision.reason is Reason.NO_MATCHING_GRANT


def test_grants_are_indexed_by_their_rarest_values() -> None:
    grants = [grant(name=f"g{n}", match={"branch": "main"}, claims={"run_number": str(n)}) for n in range(50)]
    index = load(document(*grants)).indexes["github"]
    assert isinstance(index, ExactValueIndex)
    assert list(index.slots) == [(("claims", "run_number"), False)]
    assert index.unindexed == ()

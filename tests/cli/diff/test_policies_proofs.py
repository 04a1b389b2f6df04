"""The result of a comparison is true of the service's own decisions, for tokens of several systems."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import caller_of
from tests.cli.lint.test_linter_proofs import SYSTEMS, pairs, policy_of_all, runs
from tests.loading.documents import Document, document, grant, load
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.reach import covers_any
from token_exchange.core.refusals import Refused
from token_exchange_cli.diff.policies import changes

LONGEST_CHARACTERS = 200
MORE = {"added", "wider", "changed"}
LESS = {"removed", "narrower", "changed"}

TERMS = st.fixed_dictionaries(
    {},
    optional={
        "access": st.sampled_from(["pull", "push"]),
        "duration": st.sampled_from(["30m", "1h"]),
        "mode": st.sampled_from(["report", "enforce"]),
    },
)


def _pushable(found: Document) -> bool:
    """Say whether the templates may stand in a grant for push, which takes proven names alone."""
    return "{branch}" not in str(found["repositories"]) and "{environment}" not in str(found["repositories"])


def _given(policy: Policy, issuer: str, claims: dict[str, Json]) -> Mapping[str, set[str]] | None:
    """Return the patterns that the grant gives by what may be done with them, or None where it gives nothing."""
    try:
        decision = decide(policy, caller_of(policy, issuer, claims), AccessRequest(grant="one"))
    except Refused:
        return None
    if not isinstance(decision, Granted):
        return None
    (award,) = decision.awards
    assert award.reach is not None
    pushed: set[str] = {*award.reach.repositories} if award.reach.access == "push" else set[str]()
    return {"pull": {*award.reach.repositories, *award.reach.also_pull}, "push": pushed}


def _is_beyond(some: Mapping[str, set[str]], others: Mapping[str, set[str]]) -> bool:
    return any(not covers_any([*others[right]], pattern) for right in some for pattern in some[right])


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(sorted(SYSTEMS)), st.data())
def test_every_gain_and_loss_is_reported(issuer: str, data: st.DataObject) -> None:
    first, second = data.draw(pairs(issuer))
    for one in (first, second):
        one |= {"name": "one", **data.draw(TERMS)}
        if not _pushable(one) or issuer in ("bitrise", "own"):
            one["access"] = "pull"
    before, after = load(policy_of_all(first)), load(policy_of_all(second))
    sections = {change.section for change in changes(before, after)}
    for claims in data.draw(runs(issuer)):
        # That a name is too long for one template and not for another is no difference between two policies.
        if any(isinstance(value, str) and len(value) > LONGEST_CHARACTERS for value in claims.values()):
            continue
        had, has = _given(before, issuer, claims), _given(after, issuer, claims)
        if has is not None and (had is None or _is_beyond(has, had)):
            assert sections & MORE
        if had is not None and (has is None or _is_beyond(had, has)):
            assert sections & LESS


@given(st.sampled_from(sorted(SYSTEMS)), st.data())
def test_reverse_diff_has_the_opposite_direction(issuer: str, data: st.DataObject) -> None:
    first, second = data.draw(pairs(issuer))
    second["name"] = "one"
    before, after = load(policy_of_all(first)), load(policy_of_all(second))
    assert list(changes(before, load(policy_of_all(first)))) == []
    there = sorted(change.section for change in changes(before, after))
    back = sorted(change.section for change in changes(after, before))
    turned = {"added": "removed", "removed": "added", "wider": "narrower", "narrower": "wider", "changed": "changed"}
    assert back == sorted(turned[section] for section in there)


@given(
    st.lists(st.sampled_from(["nordlicht", "NordLicht", "werft"]), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(["nordlicht", "NORDLICHT", "hafen"]), min_size=1, max_size=3, unique=True),
    st.sampled_from(["nordlicht", "Werft", "hafen", "sonst"]),
)
def test_stricter_deny_rule_is_never_wider(old: list[str], new: list[str], value: str) -> None:
    def rule(values: list[str]) -> Policy:
        return load(document(grant(), deny=[{"name": "out", "match": {"repository": [*values]}}]))

    def refuses(policy: Policy) -> bool:
        (condition,) = policy.deny[0].conditions
        return condition.holds(value)

    before, after = rule(old), rule(new)
    sections = {change.section for change in changes(before, after)}
    if refuses(before) and not refuses(after):
        assert sections & {"wider", "changed"}
    if refuses(after) and not refuses(before):
        assert sections & {"narrower", "changed"}

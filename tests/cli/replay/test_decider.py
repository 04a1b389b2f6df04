"""A remembered decision is the one that would be made again."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import NOON, caller_of, github_claims
from tests.cli.diff.test_named_grants import ASKS, ci_runs, policy_changes
from tests.loading.documents import document, grant, load
from token_exchange.core.decision import AccessRequest, decide, for_one_login
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.reporting.audit import claims_named
from token_exchange_cli.replay.decider import Decider, LoggedRequest, nearest_of
from token_exchange_cli.replay.outcomes import Outcome, decided_outcome
from token_exchange_cli.replay.recorded import NotRecorded, RecordedClaims


def _outcome(policy: Policy, caller: Caller, ask: LoggedRequest) -> Outcome:
    """Return the outcome as it is decided and explained without remembering anything."""
    decision = decide(policy, caller, ask.request)
    if ask.one_login:
        decision = for_one_login(decision)
    return decided_outcome(decision, nearest=nearest_of(policy, caller, ask.request, decision))


def _recorded(policy: Policy, claims: Mapping[str, Json]) -> RecordedClaims:
    return RecordedClaims(claims, claims_named(policy.issuers["github"], policy.claims_in_conditions))


@settings(max_examples=2 * settings().max_examples)
@given(
    change=policy_changes(),
    runs=st.lists(ci_runs(), min_size=1, max_size=6),
    requests=st.lists(ASKS, min_size=1, max_size=3),
)
def test_cached_decision_equals_the_services(
    change: tuple[Policy, Policy], runs: list[Mapping[str, Json]], requests: list[AccessRequest]
) -> None:
    policy, _ = change
    decider = Decider(policy)
    for claims in [*runs, *runs]:
        for ask in [LoggedRequest(request=asked, one_login=one) for asked in requests for one in (True, False)]:
            caller = caller_of(policy, "github", dict(claims), now=NOON)
            assert decider.outcome(caller, _recorded(policy, claims), ask) == _outcome(policy, caller, ask)


def test_only_relevant_claims_make_a_new_decision() -> None:
    policy = load(document(grant(match={"branch": "main"})))
    decider = Decider(policy)
    for number in range(50):
        claims = github_claims(run_id=str(number), sha=f"{number:040}", ref=f"refs/heads/{number % 5}")
        decider.outcome(
            caller_of(policy, "github", claims), _recorded(policy, claims), LoggedRequest(request=AccessRequest())
        )
    assert len(decider._remembered) == 5  # noqa: SLF001 - what it keeps is all that can be too much


@pytest.mark.parametrize(
    ("first", "second"),
    # equal to Python, and not to a condition
    [(True, 1), (1, "1"), (None, ""), (["a"], '["a"]'), (False, 0)],
)
def test_values_of_different_types_are_distinct(first: Json, second: Json) -> None:
    policy = load(document(grant(claims={"odd": {"not": "x"}})))
    decider = Decider(policy)
    for value in (first, second):
        claims = github_claims(odd=value)
        caller = caller_of(policy, "github", claims)
        assert decider.outcome(caller, _recorded(policy, claims), LoggedRequest(request=AccessRequest())) == _outcome(
            policy, caller, LoggedRequest(request=AccessRequest())
        )


def test_decision_changes_when_a_grant_expires() -> None:
    policy = load(document(grant(expires="2027-01-15")))
    decider = Decider(policy)
    today = caller_of(policy, "github", github_claims(), now=NOON)
    claims = _recorded(policy, today.claims)
    assert decider.outcome(today, claims, LoggedRequest(request=AccessRequest())).word == "granted"
    # The first second at which it no longer counts.
    assert (
        decider.outcome(replace(today, now=NOON + 12 * 3600 - 1), claims, LoggedRequest(request=AccessRequest())).word
        == "granted"
    )
    assert (
        decider.outcome(replace(today, now=NOON + 12 * 3600), claims, LoggedRequest(request=AccessRequest())).word
        == "denied"
    )


def test_undecidable_stays_undecidable_when_cached() -> None:
    policy = load(document(grant(claims={"odd": "x"})))
    decider = Decider(policy)
    claims = github_claims()
    caller = caller_of(policy, "github", claims)
    for _ in range(2):
        with pytest.raises(NotRecorded, match="the grant reader needs odd"):
            decider.outcome(caller, RecordedClaims(claims, frozenset()), LoggedRequest(request=AccessRequest()))
    # That the token had none is another thing.
    assert decider.outcome(caller, _recorded(policy, claims), LoggedRequest(request=AccessRequest())).word == "denied"


def test_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_exchange_cli.replay.decider._MOST_REMEMBERED", 40)
    policy = load(document(grant(match={"branch": "main"})))
    decider = Decider(policy)
    for number in range(44):
        claims = github_claims(ref=f"refs/heads/{number}")
        decider.outcome(
            caller_of(policy, "github", claims), _recorded(policy, claims), LoggedRequest(request=AccessRequest())
        )
    assert len(decider._remembered) == 4  # noqa: SLF001 - what it keeps is all that can be too much

import json
from dataclasses import replace

import pytest

from tests.doubles import grant, policy_text
from tests.fake_clock import NOW, FakeClock
from tests.fake_issuer import AUDIENCE, ISSUER
from tests.fake_state import FakeState, RecordedStateEvents
from token_exchange.adapters.budgets import COUNT_SECONDS, BudgetCounter
from token_exchange.core.evaluate import Caller, caller_of
from token_exchange.core.policy import Budget
from token_exchange.core.ports import Deadline, Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.load import load_policy

# A window of ten minutes that has just begun.
START = NOW - NOW % 600


class Story:
    def __init__(self, *budgets: Json) -> None:
        document = json.loads(policy_text([grant()]))
        document["issuers"]["ci"]["budgets"] = list(budgets)
        self.issuer = load_policy(json.dumps(document).encode(), name="p", read_file=None).issuers["ci"]
        self.clock = FakeClock()
        self.state = FakeState()
        self.events = RecordedStateEvents()
        self.budgets = BudgetCounter(counts=self.state, events=self.events)

    def caller(self, *, at: float = START, **claims: Json) -> Caller:
        given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "s", "organization": "acme", **claims}
        return caller_of(self.issuer, given, now=at)

    def spend(self, *, at: float = START, left_seconds: float = 10.0, **claims: Json) -> None:
        deadline = Deadline(clock=self.clock, at_monotonic_seconds=self.clock.monotonic() + left_seconds)
        self.budgets.spend(self.caller(at=at, **claims), deadline=deadline)

    def refusal(self, *, at: float = START, repository: Json = None) -> Refused:
        with pytest.raises(Refused) as refused:
            self.spend(at=at, repository=repository)
        assert refused.value.reason is Reason.TOO_MANY_REQUESTS
        return refused.value


TWO: dict[str, Json] = {"per": "repository", "exchanges": 2, "every": "10m"}


def test_a_budget_is_spent_and_renewed() -> None:
    story = Story(TWO)
    story.spend(repository="shop")
    story.spend(repository="shop", at=START + 599.9)
    assert story.refusal(repository="shop", at=START + 590.5).retry_after_seconds == 10
    story.spend(repository="shop", at=START + 600)


def test_the_wait_is_never_no_wait() -> None:
    story = Story(TWO)
    story.spend(repository="shop")
    story.spend(repository="shop")
    assert story.refusal(repository="shop", at=START + 599.99999).retry_after_seconds == 1
    assert story.refusal(repository="shop").retry_after_seconds == 600


def test_one_spent_budget_leaves_the_others_whole() -> None:
    story = Story(TWO)
    for _ in range(2):
        story.spend(repository="shop")
    story.refusal(repository="shop")
    story.spend(repository="cart")


def test_callers_without_the_name_share_one_budget() -> None:
    story = Story(TWO)
    story.spend()
    story.spend()
    story.refusal()
    # Empty text is no value, and the word for none is one.
    story.spend(repository="None")
    story.refusal(repository="")


def test_every_budget_counts() -> None:
    story = Story({"per": "organization", "exchanges": 3, "every": "1h"}, TWO)
    story.spend(repository="a")
    story.spend(repository="a")
    assert "for this repository" in story.refusal(repository="a").description
    # Tries count too: the first budget was asked before the second refused.
    assert "for this organization" in story.refusal(repository="b").description


def test_budgets_of_two_names_or_periods_share_no_count() -> None:
    budgets: list[Json] = [
        {"per": name, "exchanges": 1, "every": every}
        for name in ("organization", "repository")
        for every in ("10m", "1h")
    ]
    story = Story(*budgets)
    # Both names have this value, and this is the first window of both periods.
    story.spend(repository="acme", at=300)
    assert len(story.state.counts) == 4


def test_a_flag_that_is_false_is_a_value() -> None:
    story = Story(TWO)
    caller, per_flag = story.caller(), Budget(per="ref_protected", exchanges=1, every_seconds=600)
    deadline = Deadline(clock=story.clock, at_monotonic_seconds=story.clock.monotonic() + 10)
    for vocabulary in ({}, *({"ref_protected": flag} for flag in (True, False))):
        identity = replace(caller.identity, vocabulary=vocabulary)
        issuer = replace(caller.issuer, budgets=(per_flag,))
        story.budgets.spend(replace(caller, issuer=issuer, identity=identity), deadline=deadline)
    assert len(story.state.counts) == 3


def test_a_count_is_kept_for_a_while_and_then_forgotten() -> None:
    story = Story(TWO)
    story.spend(repository="shop")
    assert list(story.state.counts.values()) == [(1, int(START) + 600 + 3600)]


def test_a_spent_budget_is_not_written_again() -> None:
    story = Story(TWO)
    for _ in range(2):
        story.spend()
    for _ in range(50):
        story.refusal()
    assert [spent for spent, _ in story.state.counts.values()] == [2]


@pytest.mark.parametrize("fault", ["down", "lost"])
def test_a_failing_table_lets_exchanges_pass_and_is_reported(fault: str) -> None:
    story = Story(TWO)
    getattr(story.state, fault).add("add")
    for _ in range(5):
        story.spend(repository="shop")
    assert story.events.failed == ["budget"] * 5


@pytest.mark.parametrize(("left_seconds", "took_seconds"), [(10.0, COUNT_SECONDS), (0.25, 0.25)])
def test_a_hanging_table_costs_all_budgets_one_second(left_seconds: float, took_seconds: float) -> None:
    story = Story(*({**TWO, "every": f"{minutes}m"} for minutes in range(1, 6)))
    story.state.hangs.add("add")
    story.spend(repository="shop", left_seconds=left_seconds)
    assert story.clock.monotonic() - 1000.0 == pytest.approx(took_seconds)
    assert story.state.calls == ["add"]
    # Each that was not kept is told of, asked for or not.
    assert story.events.failed == ["budget"] * 5
    assert story.state.counts == {}


def test_the_narrowest_first_costs_the_wider_one_nothing() -> None:
    story = Story(TWO, {"per": "organization", "exchanges": 3, "every": "1h"})
    for _ in range(2):
        story.spend(repository="runaway")
    for _ in range(50):
        story.refusal(repository="runaway")
    story.spend(repository="honest")


def test_an_issuer_without_budgets_costs_no_call() -> None:
    story = Story(TWO)
    story.issuer = load_policy(policy_text([grant()]).encode(), name="p", read_file=None).issuers["ci"]
    story.spend()
    assert story.state.calls == []


def test_without_a_table_nothing_is_counted() -> None:
    story = Story(TWO)
    uncounted = BudgetCounter(counts=None, events=story.events)
    deadline = Deadline(clock=story.clock, at_monotonic_seconds=story.clock.monotonic() + 10)
    for _ in range(3):
        uncounted.spend(story.caller(repository="shop"), deadline=deadline)
    assert story.events.failed == []


def test_entries_and_issuers_do_not_share_a_count() -> None:
    def with_entry(story: Story, name: str, url: str) -> Caller:
        trust = replace(story.issuer.trust, url=url)
        return replace(story.caller(repository="shop"), issuer=replace(story.issuer, name=name, trust=trust))

    story = Story({"per": "repository", "exchanges": 1, "every": "10m"})
    deadline = Deadline(clock=story.clock, at_monotonic_seconds=story.clock.monotonic() + 10)
    for name, url in (("ci", ISSUER), ("other", ISSUER), ("ci", f"{ISSUER}/other")):
        story.budgets.spend(with_entry(story, name, url), deadline=deadline)
    with pytest.raises(Refused):
        story.budgets.spend(with_entry(story, "other", ISSUER), deadline=deadline)

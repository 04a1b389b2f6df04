import hashlib

import pytest

from tests.fake_clock import NOW, FakeClock
from tests.fake_state import FakeState, RecordedStateEvents
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.single_use import RELEASE_MILLISECONDS, SPEND_SECONDS, SingleUse, SpentToken, mark_of
from token_exchange.core.trust import Discovered, IssuerTrust, VerifiedToken

ISSUER = "https://ci.acme.example"


def token(
    *,
    token_id: str | None = "t-1",  # noqa: S107 - a name
    url: str = ISSUER,
    signed: str = "ab",
    expires_at: float = NOW + 300,
) -> VerifiedToken:
    trust = IssuerTrust(
        entry="ci",
        url=url,
        audiences=frozenset({"a"}),
        algorithms=("RS256",),
        leeway_seconds=60,
        max_lifetime_seconds=3600,
        keys=Discovered(),
    )
    return VerifiedToken(trust=trust, claims={"jti": token_id}, expires_at=expires_at, signed_part_sha256=signed)


class Story:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.state = FakeState()
        self.events = RecordedStateEvents()
        self.single_use = SingleUse(marks=self.state, events=self.events)

    def spend(self, spent: VerifiedToken | None = None, *, request_id: str = "r-1", seconds: float = 10) -> SpentToken:
        deadline = Deadline(clock=self.clock, at_monotonic_seconds=self.clock.monotonic() + seconds)
        return self.single_use.spend(spent or token(), request_id=request_id, deadline=deadline)

    def refusal(self, spent: VerifiedToken | None = None, *, request_id: str = "r-2") -> Reason:
        with pytest.raises(Refused) as refused:
            self.spend(spent, request_id=request_id)
        return refused.value.reason


# ------------------------------------------------------------------------------------------------------ which mark


def test_a_mark_is_made_of_issuer_and_id_each_with_its_length() -> None:
    assert mark_of(token()) == f"use#{hashlib.sha256(b'23:' + ISSUER.encode() + b'2:id3:t-1').hexdigest()}"


@pytest.mark.parametrize(
    "other",
    [
        token(token_id="t-2"),
        token(token_id="T-1"),
        # Two issuers may give the same id.
        token(url="https://other.acme.example"),
        # What an id may look like is no id.
        token(token_id=None, signed="t-1"),
        token(token_id="signed", signed="ab"),
    ],
)
def test_other_tokens_have_other_marks(other: VerifiedToken) -> None:
    assert mark_of(other) != mark_of(token())


def test_without_an_id_the_signed_part_identifies_a_token() -> None:
    assert mark_of(token(token_id=None)) == mark_of(token(token_id=None))
    assert mark_of(token(token_id=None)) != mark_of(token(token_id=None, signed="cd"))
    # An empty string identifies no token.
    assert mark_of(token(token_id="")) == mark_of(token(token_id=None))


# ------------------------------------------------------------------------------------------------------ spending


def test_a_token_is_spent_once() -> None:
    story = Story()
    story.spend()
    assert story.refusal() is Reason.REPLAYED
    story.spend(token(token_id="t-2"), request_id="r-3")


def test_a_mark_outlives_every_acceptance_of_the_token() -> None:
    story = Story()
    story.spend(token(expires_at=NOW + 299.2))
    assert story.state.marks == {mark_of(token()): ("r-1", int(NOW) + 300 + 60)}


def test_the_same_request_may_write_again() -> None:
    story = Story()
    story.spend()
    story.spend()


def test_a_released_token_can_be_spent_again() -> None:
    story = Story()
    story.spend().release(clock=story.clock)
    story.spend(request_id="r-2")


def test_a_request_releases_no_mark_but_its_own() -> None:
    story = Story()
    spent = story.spend()
    spent.release(clock=story.clock)
    story.spend(request_id="r-2")
    spent.release(clock=story.clock)
    assert story.refusal(request_id="r-3") is Reason.REPLAYED


def test_a_token_is_released_though_the_requests_time_is_over() -> None:
    story = Story()
    spent = story.spend(seconds=1)
    story.clock.advance(60)
    spent.release(clock=story.clock)
    assert story.state.marks == {}


# ------------------------------------------------------------------------------------------------------ the table down


def test_a_failing_table_is_not_a_second_use() -> None:
    story = Story()
    story.state.down.add("set")
    assert story.refusal() is Reason.STATE_UNAVAILABLE
    assert story.events.failed == ["spend"]


def test_a_write_with_a_lost_answer_does_not_cost_the_token() -> None:
    story = Story()
    story.state.lost.add("set")
    assert story.refusal(request_id="r-1") is Reason.STATE_UNAVAILABLE
    story.state.lost.clear()
    story.spend(request_id="r-2")


def test_a_failed_release_is_reported_and_leaves_the_token_spent() -> None:
    story = Story()
    spent = story.spend()
    story.state.down.add("release")
    spent.release(clock=story.clock)
    assert story.events.failed == ["release"]
    assert story.refusal() is Reason.REPLAYED


@pytest.mark.parametrize(
    ("hangs", "left_seconds", "took_seconds"),
    [
        ({"set"}, 10.0, SPEND_SECONDS),
        # No longer than the request has, but for what is kept for taking the mark back.
        ({"set"}, 1.0, 1.0),
        ({"set", "release"}, 10.0, SPEND_SECONDS + RELEASE_MILLISECONDS / 1000),
        ({"set", "release"}, 1.0, 1.0 + RELEASE_MILLISECONDS / 1000),
    ],
)
def test_a_table_that_hangs_is_given_up_in_time(hangs: set[str], left_seconds: float, took_seconds: float) -> None:
    story = Story()
    story.state.hangs = hangs
    started = story.clock.monotonic()
    with pytest.raises(Refused) as refused:
        story.spend(seconds=left_seconds)
    assert refused.value.reason is Reason.STATE_UNAVAILABLE
    assert story.clock.monotonic() - started == pytest.approx(took_seconds)
    assert story.state.marks == {}


def test_without_time_left_nothing_is_called() -> None:
    story = Story()
    with pytest.raises(Refused) as refused:
        story.spend(seconds=0)
    assert refused.value.reason is Reason.STATE_UNAVAILABLE
    # It cannot be known of every failure that nothing was written.
    assert story.state.calls == ["release"]
    assert story.state.marks == {}


def test_a_release_that_hangs_costs_half_a_second() -> None:
    story = Story()
    spent = story.spend()
    story.state.hangs = {"release"}
    started = story.clock.monotonic()
    spent.release(clock=story.clock)
    assert story.clock.monotonic() - started == pytest.approx(RELEASE_MILLISECONDS / 1000)
    assert story.events.failed == ["release"]
    assert story.refusal() is Reason.REPLAYED


def test_without_a_table_nothing_counts_once() -> None:
    story = Story()
    story.single_use = SingleUse(marks=None, events=story.events)
    assert story.refusal() is Reason.STATE_UNAVAILABLE


def test_the_time_kept_for_the_answer_is_enough_for_a_release() -> None:
    assert RELEASE_MILLISECONDS < 1000
    assert SPEND_SECONDS < 20.0


def test_an_id_is_not_taken_for_a_signed_part() -> None:
    # Anyone who can choose a jti could otherwise spend another's token, whose header and payload they know.
    assert mark_of(token(token_id="signed", signed="ab")) != mark_of(token(token_id=None, signed="ab"))
    assert mark_of(token(token_id="ab", signed="cd")) != mark_of(token(token_id=None, signed="ab"))


def test_an_id_and_an_equal_signed_part_have_different_marks() -> None:
    assert mark_of(token(token_id="ab")) != mark_of(token(token_id=None, signed="ab"))

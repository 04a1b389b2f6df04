"""The cost of an issuer's faults: each caller's answer, how long it took, and the requests that the issuer got."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from tests.fake_clock import FakeClock
from tests.fake_issuer import FakeIssuer, FakeNetwork
from tests.fake_shared_keys import HangingFetcher
from tests.issuer_keys.key_story import Story
from token_exchange.core.refusals import Refused
from token_exchange.issuer_keys.origins import FetchFailed

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one request: `told` is the key's id or the reason, `requests` what the issuer saw of it."""

    told: str
    seconds: float
    requests: int


def cost(story: Story, key_id: str = "key-0") -> Cost:
    began, seen = story.clock.monotonic(), story.fetches
    try:
        told = str(story.find(key_id).key_id)
    except Refused as refused:
        told = refused.reason.value
    return Cost(told=told, seconds=story.clock.monotonic() - began, requests=story.fetches - seen)


FREE = Cost(told="key-0", seconds=0, requests=0)
FETCHED = Cost(told="key-0", seconds=0, requests=1)


class HangingIssuer(FakeIssuer):
    """Hangs while it is told to: each fetch takes all of its time."""

    def __init__(self, clock: FakeClock, url: str = "https://hanging.example") -> None:
        super().__init__(url)
        self.clock = clock
        self.hangs = False

    @override
    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        if self.hangs:
            self.fetched.append(url)
            self.clock.advance(timeout_seconds)
            raise FetchFailed("no answer")
        return super().fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)


def hanging_story() -> tuple[Story, HangingIssuer]:
    clock = FakeClock()
    issuer = HangingIssuer(clock)
    return Story(issuer, clock=clock), issuer


class TestRotation:
    def test_announced_ahead_costs_nothing(self) -> None:
        story = Story()
        cost(story)
        story.issuer.rotate(keep_old=True)
        story.clock.advance(601)
        assert cost(story) == FETCHED, "the renewal that was due anyway"
        assert cost(story, "key-1") == Cost(told="key-1", seconds=0, requests=0)

    def test_without_a_word_costs_the_first_one_a_fetch(self) -> None:
        story = Story()
        cost(story)
        story.issuer.rotate()
        assert cost(story, "key-1") == Cost(told="key-1", seconds=0, requests=1)
        assert cost(story, "key-1") == Cost(told="key-1", seconds=0, requests=0)

    def test_two_at_once_are_found_within_half_a_minute(self) -> None:
        story = Story()
        cost(story)
        story.issuer.rotate(key_id="key-1")
        cost(story, "key-1")
        story.issuer.rotate(key_id="key-2", keep_old=True)
        assert cost(story, "key-2") == Cost(told="unknown-key", seconds=0, requests=0)
        story.clock.advance(30)
        assert cost(story, "key-2") == Cost(told="key-2", seconds=0, requests=1)

    def test_back_and_forth_follows_each_fetch(self) -> None:
        story = Story()
        told = []
        for number in range(6):
            story.issuer.rotate(key_id=f"key-{number % 2}")
            told.append((cost(story, "key-0").told, cost(story, "key-1").told))
            story.clock.advance(601)
        assert told == [("key-0", "unknown-key"), ("unknown-key", "key-1")] * 3


class TestWithdrawal:
    def test_a_key_lives_ten_minutes_at_most_after_it_was_withdrawn(self) -> None:
        story = Story()
        cost(story)
        story.issuer.rotate()
        story.clock.advance(600)
        assert cost(story) == FREE
        story.clock.advance(1)
        assert cost(story) == Cost(told="unknown-key", seconds=0, requests=1)

    def test_a_token_with_the_new_key_ends_it_at_once(self) -> None:
        story = Story()
        cost(story)
        story.issuer.rotate()
        cost(story, "key-1")
        assert cost(story) == Cost(told="unknown-key", seconds=0, requests=0)

    def test_an_outage_lets_it_live_a_day_at_most(self) -> None:
        story = Story()
        cost(story)
        story.issuer.rotate()
        story.issuer.fail()
        story.clock.advance(DAY_SECONDS)
        assert cost(story) == FETCHED
        story.clock.advance(1)
        assert cost(story).told == "issuer-unavailable"


class TestFlood:
    def test_ten_thousand_invented_keys_cost_one_fetch(self) -> None:
        story = Story()
        cost(story)
        for number in range(10_000):
            assert cost(story, f"invented-{number}").told == "unknown-key"
            story.clock.advance(0.01)
            assert cost(story) == FREE, "the honest never notice"
        assert story.fetches - 1 == 4, "in 100 s"
        assert len(story.events.damped) == 10_000 - 4

    def test_against_a_failing_issuer_it_costs_no_more(self) -> None:
        story = Story()
        cost(story)
        story.issuer.fail()
        for number in range(10_000):
            assert cost(story, f"invented-{number}").told == "issuer-unavailable"
            story.clock.advance(0.01)
        assert story.fetches - 1 == 4

    def test_pauses_hold_while_a_cold_issuer_fails(self) -> None:
        story = Story()
        story.issuer.fail()
        for number in range(10_000):
            assert cost(story, f"invented-{number}").told == "issuer-unavailable"
            story.clock.advance(0.01)
        assert story.fetches == 7, "after 1, 2, 4, 8, 16 and 32 s"


class TestOutage:
    def test_at_a_cold_start(self) -> None:
        story, issuer = hanging_story()
        issuer.hangs = True
        assert cost(story) == Cost(told="issuer-unavailable", seconds=3, requests=1)
        for _ in range(100):
            assert cost(story) == Cost(told="issuer-unavailable", seconds=0, requests=0)

    def test_with_cached_keys_one_request_in_each_pause_waits(self) -> None:
        story, issuer = hanging_story()
        cost(story)
        issuer.hangs = True
        story.clock.advance(601)
        waited = []
        for _ in range(600):
            spent = cost(story)
            assert spent.told == "key-0"
            assert spent in (FREE, Cost(told="key-0", seconds=3, requests=1))
            waited.append(spent.requests)
            story.clock.advance(1)
        assert sum(waited) == 15, "after 1, 2, 4, 8, 16 and 32 s, then once a minute"

    def test_longer_than_a_day_and_then_over_without_a_restart(self) -> None:
        story, issuer = hanging_story()
        cost(story)
        issuer.hangs = True
        story.clock.advance(DAY_SECONDS - 10)
        assert cost(story).told == "key-0"
        story.clock.advance(100)
        assert cost(story) == Cost(told="issuer-unavailable", seconds=3, requests=1)
        story.clock.advance(10 * DAY_SECONDS)
        assert cost(story).told == "issuer-unavailable"
        issuer.hangs = False
        assert cost(story) == Cost(told="issuer-unavailable", seconds=0, requests=0), "in the pause"
        story.clock.advance(60)
        assert cost(story) == FETCHED
        assert cost(story) == FREE

    def test_of_one_issuer_costs_another_nothing(self) -> None:
        clock = FakeClock()
        hanging, sound = HangingIssuer(clock), FakeIssuer("https://sound.example")
        hanging.hangs = True
        story = Story(hanging, FakeNetwork(hanging, sound), clock=clock)
        for _ in range(50):
            cost(story)
            began = clock.monotonic()
            assert story.find(trust=sound.trust()).key_id == "key-0"
            assert clock.monotonic() == began
        assert len(sound.fetched) == 2, "two documents, once"

    def test_that_ends_between_requests_is_never_noticed(self) -> None:
        story = Story()
        cost(story)
        story.issuer.fail()
        story.clock.advance(300)
        story.issuer.recover()
        story.clock.advance(301)
        assert cost(story) == FETCHED
        assert story.events.failures == []


class TestClocks:
    """A frozen environment stops the monotonic clock, and a correction moves the wall clock either way."""

    def moved(self, move: Callable[[FakeClock], None], *, fails: bool = False) -> Cost:
        story = Story()
        cost(story)
        if fails:
            story.issuer.fail()
        move(story.clock)
        return cost(story)

    def test_after_hours_frozen_keys_are_renewed_before_use(self) -> None:
        def freeze(clock: FakeClock) -> None:
            clock.wall_seconds += 5 * 3600

        assert self.moved(freeze) == FETCHED
        assert self.moved(freeze, fails=True) == FETCHED, "five hours old"

    def test_after_more_than_a_day_frozen_the_set_is_unusable(self) -> None:
        def freeze(clock: FakeClock) -> None:
            clock.wall_seconds += DAY_SECONDS + 1

        assert self.moved(freeze) == FETCHED
        assert self.moved(freeze, fails=True).told == "issuer-unavailable"

    def test_a_wall_clock_set_back_makes_the_set_stale_and_not_young(self) -> None:
        def set_back(clock: FakeClock) -> None:
            clock.wall_seconds -= 3600

        assert self.moved(set_back) == FETCHED
        assert self.moved(set_back, fails=True) == FETCHED, "served, an hour from the future"

    def test_setting_the_clock_back_does_not_keep_a_set_alive(self) -> None:
        def set_back(clock: FakeClock) -> None:
            clock.monotonic_seconds += DAY_SECONDS + 1
            clock.wall_seconds -= DAY_SECONDS

        assert self.moved(set_back, fails=True).told == "issuer-unavailable"

    def test_a_wall_clock_set_forward_costs_a_fetch(self) -> None:
        def set_forward(clock: FakeClock) -> None:
            clock.wall_seconds += 10 * DAY_SECONDS

        assert self.moved(set_forward) == FETCHED

    def test_a_pause_ends_by_either_clock(self) -> None:
        story = Story()
        story.issuer.fail()
        cost(story)
        story.issuer.recover()
        story.clock.wall_seconds -= 3600
        assert cost(story).told == "issuer-unavailable"
        story.clock.monotonic_seconds += 1
        assert cost(story) == FETCHED

    def test_a_cooldown_ends_by_either_clock(self) -> None:
        story = Story()
        cost(story)
        cost(story, "invented")
        story.issuer.rotate()
        story.clock.wall_seconds += 30
        assert cost(story, "key-1") == Cost(told="key-1", seconds=0, requests=1)


def test_a_hanging_fetch_never_takes_more_than_the_request_has() -> None:
    clock = FakeClock()
    fetcher = HangingFetcher(clock)
    story = Story(fetcher=fetcher, clock=clock)
    assert story.refusal(seconds=1.25).reason.value == "issuer-unavailable"
    assert clock.monotonic() == 1001.25
    assert len(fetcher.fetched) == 1

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import override

import pytest

from tests.fake_clock import FakeClock
from tests.fake_issuer import FakeIssuer, FakeNetwork
from tests.issuer_keys.key_story import SharedStory, Story
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.verifier import FoundKey


@contextmanager
def closed_gate(issuer: FakeIssuer) -> Iterator[Callable[[], None]]:
    """Hold fetches of `issuer` until the block ends, or until what it yields is called."""
    gate = issuer.gate = threading.Event()

    def open_gate() -> None:
        issuer.gate = None
        gate.set()

    try:
        yield open_gate
    finally:
        open_gate()


class SignallingClock(FakeClock):
    """Tells when a deadline on it has been asked for the time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)

    @override
    def monotonic(self) -> float:
        self.asked.release()
        return super().monotonic()

    def wait_until_asked(self, times: int) -> None:
        for _ in range(times):
            assert self.asked.acquire(timeout=30)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield pool


def join_fetch(story: Story, pool: ThreadPoolExecutor, key_id: str) -> Future[FoundKey]:
    """Start a request and return when it waits for the fetch that is under way."""
    clock = SignallingClock()
    deadline = Deadline(clock=clock, at_monotonic_seconds=2000)
    waiter = pool.submit(story.store.find, story.trust, key_id=key_id, algorithm="RS256", deadline=deadline)
    clock.wait_until_asked(2)  # at the beginning, and for how long to wait
    return waiter


def test_waiting_requests_share_one_fetch(pool: ThreadPoolExecutor) -> None:
    story = Story()
    with closed_gate(story.issuer) as open_gate:
        first = pool.submit(story.look)
        assert story.issuer.entered.acquire(timeout=30)
        others = [join_fetch(story, pool, "key-0") for _ in range(4)]
        open_gate()
        assert {found.result(30).key.key_id for found in (first, *others)} == {"key-0"}
    assert story.fetches == 1


def test_a_renewal_in_progress_is_waited_for(pool: ThreadPoolExecutor) -> None:
    story = Story()
    story.find()
    story.clock.advance(601)
    story.issuer.rotate(key_id="key-0")
    with closed_gate(story.issuer) as open_gate:
        first = pool.submit(story.look)
        assert story.issuer.entered.acquire(timeout=30)
        other = join_fetch(story, pool, "key-0")
        open_gate()
        for found in (first, other):
            assert found.result(30).key.public_key == story.issuer.signing_key.private.public_key()


def test_waiting_requests_share_a_failure(pool: ThreadPoolExecutor) -> None:
    story = Story()
    story.issuer.fail()
    with closed_gate(story.issuer) as open_gate:
        first = pool.submit(story.look)
        assert story.issuer.entered.acquire(timeout=30)
        others = [join_fetch(story, pool, "key-0") for _ in range(4)]
        open_gate()
        for found in (first, *others):
            error = found.exception(30)
            assert isinstance(error, Refused)
            assert error.reason is Reason.ISSUER_UNAVAILABLE
    assert story.fetches == 1


def test_unknown_keys_share_one_fetch(pool: ThreadPoolExecutor) -> None:
    story = Story()
    story.find()
    story.issuer.rotate()
    with closed_gate(story.issuer) as open_gate:
        first = pool.submit(story.look, "key-1")
        assert story.issuer.entered.acquire(timeout=30)
        others = [join_fetch(story, pool, "key-1") for _ in range(3)]
        open_gate()
        assert {found.result(30).key.key_id for found in (first, *others)} == {"key-1"}
    assert story.fetches == 2


def test_known_keys_do_not_wait_for_an_unknown_one(pool: ThreadPoolExecutor) -> None:
    story = Story()
    story.find()
    with closed_gate(story.issuer):
        unknown = pool.submit(story.look, "key-1")
        assert story.issuer.entered.acquire(timeout=30)
        assert story.find().key_id
        story.clock.advance(601)
        clock = SignallingClock()
        deadline = Deadline(clock=clock, at_monotonic_seconds=2000)
        found = story.store.find(story.trust, key_id="key-0", algorithm="RS256", deadline=deadline)
        assert found.key.key_id == "key-0", "nor where the set has grown old meanwhile"
        clock.wait_until_asked(1)
        assert not clock.asked.acquire(blocking=False), "no thread asked how long to wait"
        assert story.events.stale == [("ci", 601)]
    assert isinstance(unknown.exception(30), Refused)
    assert story.fetches == 2


def test_no_request_waits_past_its_own_deadline(pool: ThreadPoolExecutor) -> None:
    story = Story()
    with closed_gate(story.issuer):
        first = pool.submit(story.look)
        assert story.issuer.entered.acquire(timeout=30)
        assert story.refusal(seconds=0.01).reason is Reason.ISSUER_UNAVAILABLE
    assert first.result(30).key.key_id


def test_a_key_is_not_unknown_while_a_fetch_runs(pool: ThreadPoolExecutor) -> None:
    story = Story()
    story.find()
    with closed_gate(story.issuer):
        first = pool.submit(story.look, "key-1")
        assert story.issuer.entered.acquire(timeout=30)
        assert story.refusal("key-1", seconds=0.01).reason is Reason.ISSUER_UNAVAILABLE
    assert isinstance(first.exception(30), Refused)


def test_a_hanging_issuer_delays_no_other(pool: ThreadPoolExecutor) -> None:
    hanging, sound = FakeIssuer("https://hanging.example"), FakeIssuer("https://sound.example")
    story = Story(hanging, FakeNetwork(hanging, sound))
    with closed_gate(hanging):
        stuck = pool.submit(story.look)
        assert hanging.entered.acquire(timeout=30)
        assert story.find(trust=sound.trust()).key_id
    assert stuck.result(30).key.key_id


def test_a_set_renewed_between_two_checks_is_not_fetched_again() -> None:
    story = Story()
    story.find()
    story.clock.advance(601)

    class RacingClock(FakeClock):
        """Lets another request pass while this one asks how much time it has."""

        raced = False

        @override
        def monotonic(self) -> float:
            if not self.raced:
                self.raced = True
                story.find()
            return super().monotonic()

    deadline = Deadline(clock=RacingClock(), at_monotonic_seconds=2000)
    found = story.store.find(story.trust, key_id="key-0", algorithm="RS256", deadline=deadline)
    assert found.key.key_id == "key-0"
    assert story.fetches == 2
    assert not found.is_latest, "the other may have had it from the table"


def test_waiting_for_the_table_leaves_time_for_the_issuer(pool: ThreadPoolExecutor) -> None:
    story = SharedStory()
    found = story.look()
    story.clock.advance(601)
    story.refresher_ran(age_seconds=5)
    story.issuer.rotate(key_id="key-0")
    gate = story.table.gate = threading.Event()
    renewing = pool.submit(story.look)
    assert story.table.entered.acquire(timeout=30)
    clock = SignallingClock()
    deadline = Deadline(clock=clock, at_monotonic_seconds=2000)
    replacing = pool.submit(story.store.find_rotated_key, story.trust, found, key_id="key-0", deadline=deadline)
    clock.wait_until_asked(2)
    gate.set()
    assert renewing.result(30).key.public_key == found.key.public_key
    replacement = replacing.result(30)
    assert replacement is not None, "the table's set could not say that the key was changed"
    assert replacement.public_key == story.issuer.signing_key.private.public_key()
    assert story.fetches == 1

"""The key store at its limits of time and age, and when a set expires while a request waits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import override

import pytest

from tests.fake_clock import FakeClock
from tests.fake_issuer import FakeIssuer
from tests.fake_shared_keys import origin_of
from tests.issuer_keys.key_story import SharedStory, Story
from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import Discovered, Pinned, Published
from token_exchange.core.verifier import FoundKey
from token_exchange.issuer_keys.origins import FetchFailed, StoredKeySet, shared_name, validate_shared_key_set
from token_exchange.issuer_keys.timing import Moment

DAY_SECONDS = 24 * 60 * 60


class TiringIssuer(FakeIssuer):
    """Answers at once, until it is tired: then each fetch takes three seconds and fails."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.tired = False

    @override
    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        if self.tired:
            self.fetched.append(url)
            self.clock.advance(3)
            raise FetchFailed("no answer")
        return super().fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)


@pytest.fixture
def tiring() -> tuple[Story, TiringIssuer]:
    issuer = TiringIssuer()
    return Story(issuer, clock=issuer.clock), issuer


def test_a_stale_set_is_as_old_as_it_is_after_the_fetch(tiring: tuple[Story, TiringIssuer]) -> None:
    story, issuer = tiring
    story.find()
    issuer.tired = True
    story.clock.advance(601)
    story.find()
    assert story.events.stale == [("ci", 604)]


def test_a_set_that_ends_during_the_fetch_is_not_used(tiring: tuple[Story, TiringIssuer]) -> None:
    story, issuer = tiring
    story.find()
    issuer.tired = True
    story.clock.advance(DAY_SECONDS - 1)
    assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE


def test_a_set_that_ends_during_the_search_is_not_used(tiring: tuple[Story, TiringIssuer]) -> None:
    story, issuer = tiring
    story.find()
    story.clock.advance(DAY_SECONDS - 600)
    found = story.look()
    issuer.tired = True
    story.clock.advance(599)
    assert story.refusal("unknown").reason is Reason.ISSUER_UNAVAILABLE
    story.clock.advance(DAY_SECONDS)
    assert story.replace(FoundKey(key=found.key, is_latest=False)) is None


def test_without_time_left_the_caller_waits_a_second() -> None:
    refused = Story().refusal(seconds=0)
    assert (refused.reason, refused.retry_after_seconds) == (Reason.DEADLINE_EXCEEDED, 1)


def test_a_request_waits_no_longer_than_a_fetch_takes() -> None:
    class LeapingClock(FakeClock):
        """Stands still while the request begins, and then goes three seconds at each look but for a moment."""

        looks = 0

        @override
        def monotonic(self) -> float:
            self.looks += 1
            return 1000.0 if self.looks <= 2 else 1002.999

    story = Story()
    gate = story.issuer.gate = threading.Event()
    with ThreadPoolExecutor(max_workers=2) as pool:
        first = pool.submit(story.look)
        assert story.issuer.entered.acquire(timeout=30)
        deadline = Deadline(clock=LeapingClock(), at_monotonic_seconds=2000)
        waiting = pool.submit(story.store.find, story.trust, key_id="key-0", algorithm="RS256", deadline=deadline)
        try:
            error = waiting.exception(timeout=10)
        finally:
            story.issuer.gate = None
            gate.set()
        assert isinstance(error, Refused)
        assert error.reason is Reason.ISSUER_UNAVAILABLE
        assert first.result(30).key.key_id == "key-0"


def test_a_request_without_a_set_waits_for_any_fetch() -> None:
    story = Story()
    story.find()
    gate = story.issuer.gate = threading.Event()
    asked = threading.Semaphore(0)

    class SignallingClock(FakeClock):
        @override
        def monotonic(self) -> float:
            asked.release()
            return super().monotonic()

    with ThreadPoolExecutor(max_workers=2) as pool:
        unknown = pool.submit(story.look, "key-1")
        assert story.issuer.entered.acquire(timeout=30)
        story.clock.advance(DAY_SECONDS + 1)
        deadline = Deadline(clock=SignallingClock(), at_monotonic_seconds=2000)
        waiting = pool.submit(story.store.find, story.trust, key_id="key-0", algorithm="RS256", deadline=deadline)
        for _ in range(2):
            asked.acquire(timeout=5)
        story.issuer.gate = None
        story.clock.advance(-DAY_SECONDS)
        gate.set()
        assert waiting.result(30).key.key_id == "key-0"
        assert isinstance(unknown.exception(30), Refused)
    assert story.fetches == 2


def test_a_set_from_the_future_is_fetched_despite_a_fresh_table() -> None:
    story = SharedStory(age_seconds=None)
    story.find()
    story.clock.wall_seconds -= 100
    story.refresher_ran(age_seconds=50)
    story.find()
    assert story.fetches == 2, "the set of the table was fetched earlier than ours and is not used"


def test_without_a_table_nothing_of_one_is_reported() -> None:
    story = Story()
    story.find()
    assert story.events.shared_failures == []
    assert story.events.sources == [("issuer", 0)]


def test_a_pinned_key_is_the_latest() -> None:
    story = Story()
    found = story.look(trust=story.issuer.pinned_trust())
    assert found.is_latest


@pytest.mark.parametrize(
    ("key_id", "named"),
    [("key-9", "names the key 'key-9'"), (None, "names no key, and its alg does not select exactly one")],
)
def test_an_unknown_key_is_named(key_id: str | None, named: str) -> None:
    story = Story()
    empty = Pinned(keys=KeySet(keys=(), left_out=()))
    with pytest.raises(Refused) as refused:
        story.look(key_id, trust=story.issuer.trust(keys=empty))
    assert refused.value.description == f"the token {named}; the issuer publishes no such key for its alg"


@pytest.mark.parametrize("age_seconds", [0, DAY_SECONDS])
def test_a_shared_set_is_used_from_its_first_second_to_its_last(age_seconds: int) -> None:
    issuer = FakeIssuer()
    now = Moment(wall_seconds=1_795_165_260.0, monotonic_seconds=1000.0)
    fetched_at = int(now.wall_seconds) - age_seconds
    found = StoredKeySet(issuer=issuer.url, document=issuer.key_set(), fetched_at_seconds=fetched_at)
    held = validate_shared_key_set(found, origin_of(issuer.trust()), now=now)
    assert held.age_seconds(now) == age_seconds


def test_discovered_and_published_keys_have_different_names() -> None:
    issuer = FakeIssuer()
    for text in ("", "keys.acme.example", "published"):
        discovered = issuer.trust(keys=Discovered(keys_host=text))
        published = issuer.trust(keys=Published(jwks_url=text))
        assert shared_name(origin_of(discovered)) != shared_name(origin_of(published))

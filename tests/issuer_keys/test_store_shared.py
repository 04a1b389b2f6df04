"""A key store with a state table behind it: what an environment believes of it, and what it never costs."""

from dataclasses import replace

import pytest

from tests.fake_issuer import FakeIssuer
from tests.fake_shared_keys import HangingFetcher
from tests.issuer_keys.key_story import SharedStory, Story
from token_exchange.core.keys import UnusableKeySet
from token_exchange.core.refusals import Reason
from token_exchange.issuer_keys.origins import SharedKeysFailed


class TestColdStart:
    def test_a_fresh_set_in_the_table_costs_the_issuer_nothing(self) -> None:
        story = SharedStory(age_seconds=600)
        assert story.find().key_id == "key-0"
        assert story.fetches == 0
        assert story.events.sources == [("table", 600)]
        assert story.events.stale == []

    def test_its_age_counts_from_the_fetch_and_not_from_the_reading(self) -> None:
        story = SharedStory(age_seconds=500)
        story.find()
        story.clock.advance(100)
        story.find()
        assert (len(story.table.reads), story.fetches) == (1, 0)
        story.clock.advance(1)
        story.find()
        assert (len(story.table.reads), story.fetches) == (2, 1)

    def test_a_stale_set_is_fetched_again(self) -> None:
        story = SharedStory(age_seconds=601)
        story.issuer.rotate()
        assert story.find("key-1").key_id == "key-1"
        assert story.fetches == 1
        assert story.events.sources == [("issuer", 0)]
        assert story.refusal("key-0").reason is Reason.UNKNOWN_KEY

    def test_a_stale_set_serves_while_the_issuer_fails(self) -> None:
        story = SharedStory(age_seconds=86_000)
        story.issuer.fail()
        assert story.find().key_id == "key-0"
        assert story.events.stale == [("ci", 86_000)]
        story.clock.advance(401)
        assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE, "a day, counted from the fetch"

    def test_an_empty_table_costs_one_fetch(self) -> None:
        story = SharedStory(age_seconds=None)
        assert story.find().key_id == "key-0"
        assert story.find().key_id == "key-0"
        assert (len(story.table.reads), story.fetches) == (1, 1)
        assert story.events.shared_failures == [], "nothing there is no fault"

    def test_pinned_keys_are_looked_for_nowhere(self) -> None:
        story = SharedStory()
        story.find(trust=story.issuer.pinned_trust())
        assert story.table.reads == []

    def test_the_exchange_writes_no_key_set(self) -> None:
        story = SharedStory(age_seconds=None)
        story.find()
        story.clock.advance(601)
        story.find()
        story.refusal("key-9")
        assert (story.fetches, story.table.writes, story.table.sets) == (3, [], {})


class TestFaults:
    @pytest.mark.parametrize(
        "trouble",
        [
            SharedKeysFailed("AccessDeniedException"),
            SharedKeysFailed("ResourceNotFoundException"),
            # Nothing that an adapter should raise, but no exchange fails over it.
            KeyError("Item"),
            OSError("x"),
            RuntimeError("x"),
        ],
    )
    def test_a_table_that_fails_costs_one_fetch_and_no_exchange(self, trouble: Exception) -> None:
        story = SharedStory()
        story.table.trouble = trouble
        assert story.find().key_id == "key-0"
        assert story.fetches == 1
        assert story.events.shared_failures == [("ci", trouble)]

    def test_a_hanging_table_costs_a_second_before_the_issuer(self) -> None:
        story = SharedStory()
        story.table.slow_clock = story.clock
        before = story.clock.monotonic()
        assert story.find().key_id == "key-0"
        assert story.clock.monotonic() - before == 1
        assert story.issuer.timeouts_seconds == [2], "3 s for both"

    def test_hanging_table_and_issuer_cost_as_much_as_the_issuer(self) -> None:
        story = SharedStory()
        hanging = HangingFetcher(story.clock)
        both = Story(story.issuer, hanging, clock=story.clock, shared=story.table)
        story.table.slow_clock = story.clock
        before = story.clock.monotonic()
        assert both.refusal().reason is Reason.ISSUER_UNAVAILABLE
        assert story.clock.monotonic() - before == 3
        before = story.clock.monotonic()
        assert both.refusal().reason is Reason.ISSUER_UNAVAILABLE
        assert story.clock.monotonic() == before, "and the pause holds for both"

    def test_no_more_time_is_taken_than_the_request_has(self) -> None:
        story = SharedStory()
        story.table.slow_clock = story.clock
        assert story.refusal(seconds=0.4).reason is Reason.ISSUER_UNAVAILABLE
        assert story.table.seconds == [pytest.approx(0.4)]
        assert story.fetches == 0

    @pytest.mark.parametrize(
        "document", [b"", b"{}", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"aGVsbG8"}]}', b"\xff" * 100]
    )
    def test_a_corrupt_set_costs_one_fetch(self, document: bytes) -> None:
        story = SharedStory()
        story.table.tamper(story.refresher_ran(), document=document)
        assert story.find().key_id == "key-0"
        assert story.fetches == 1
        assert [type(cause) for _, cause in story.events.shared_failures] == [UnusableKeySet]

    def test_another_issuers_set_verifies_nothing(self) -> None:
        evil = FakeIssuer("https://evil.example")
        evil.rotate(key_id="key-0")
        story = SharedStory()
        story.table.tamper(story.refresher_ran(), issuer=evil.url, document=evil.key_set())
        key = story.find()
        assert key.public_key == story.issuer.signing_key.private.public_key()
        assert story.fetches == 1

    def test_a_set_from_the_future_is_not_taken(self) -> None:
        story = SharedStory(age_seconds=-5)
        story.find()
        assert (story.fetches, story.events.sources) == (1, [("issuer", 0)])


class TestRenewal:
    def test_a_warm_environment_renews_from_the_table(self) -> None:
        story = SharedStory(age_seconds=0)
        for _ in range(12):
            story.find()
            story.clock.advance(601)
            story.refresher_ran(age_seconds=10)
        assert story.fetches == 0
        assert story.events.stale == []

    def test_a_withdrawn_key_stops_working_with_the_set_in_the_table(self) -> None:
        story = SharedStory(age_seconds=0)
        story.find()
        story.issuer.rotate()
        story.clock.advance(601)
        story.refresher_ran()
        assert story.refusal("key-0").reason is Reason.UNKNOWN_KEY

    def test_a_set_is_never_replaced_by_one_fetched_earlier(self) -> None:
        story = SharedStory(age_seconds=None)
        story.refresher_ran(age_seconds=1)
        old = story.table.sets
        story.table.sets = {}
        story.issuer.rotate()
        story.find("key-1")
        story.clock.advance(700)
        story.table.sets = old
        story.issuer.fail()
        assert story.find("key-1").key_id == "key-1"
        assert story.refusal("key-0").reason is Reason.ISSUER_UNAVAILABLE
        story.table.sets = {
            name: replace(found, fetched_at_seconds=found.fetched_at_seconds + 1) for name, found in old.items()
        }
        story.clock.advance(60)
        assert story.find("key-1").key_id == "key-1", "nor by one of the same second"

    def test_the_table_ends_an_outage_of_one_environment(self) -> None:
        story = SharedStory(age_seconds=None)
        story.issuer.fail()
        assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE
        story.refresher_ran()
        assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE, (
            "in the pause neither the issuer nor the table is asked"
        )
        story.clock.advance(1)
        assert story.find().key_id == "key-0"
        assert story.fetches == 1


class TestUnknownKey:
    def test_the_table_never_says_that_a_key_does_not_exist(self) -> None:
        story = SharedStory(age_seconds=30)
        story.issuer.rotate(keep_old=True)
        assert story.find("key-1").key_id == "key-1"
        assert story.fetches == 1

    def test_invented_keys_are_damped_as_without_a_table(self) -> None:
        story = SharedStory()
        for number in range(50):
            assert story.refusal(f"invented-{number}").reason is Reason.UNKNOWN_KEY
        assert (story.fetches, len(story.table.reads)) == (1, 1)
        assert story.events.damped == ["ci"] * 49

    def test_a_key_changed_under_its_id_is_found_at_the_issuer(self) -> None:
        story = SharedStory()
        found = story.look()
        assert not found.is_latest
        story.issuer.rotate(key_id="key-0")
        replacement = story.replace(found)
        assert replacement is not None
        assert replacement.public_key == story.issuer.signing_key.private.public_key()

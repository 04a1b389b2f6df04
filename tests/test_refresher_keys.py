import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.fake_clock import FakeClock
from tests.fake_issuer import FakeIssuer, FakeNetwork, RecordedKeyEvents
from tests.fake_shared_keys import FakeSharedKeys, HangingFetcher, deadline_of, name_of
from tests.issuer_keys.key_story import Story
from token_exchange.core.trust import IssuerTrust, Published
from token_exchange.issuer_keys.origins import Fetcher, FetchFailed, SharedKeysFailed
from token_exchange.issuer_keys.store import RefreshOutcome
from token_exchange.refresher import KeyRefresher


class RecordedRefreshEvents(RecordedKeyEvents):
    """Fulfils `RefreshEvents` by remembering."""

    def __init__(self) -> None:
        super().__init__()
        self.ages: list[tuple[str, float]] = []
        self.ended: list[dict[str, RefreshOutcome]] = []

    def shared_keys_age(self, entry: str, *, age_seconds: float) -> None:
        self.ages.append((entry, age_seconds))

    def refresh_ended(self, outcomes: Mapping[str, RefreshOutcome]) -> None:
        self.ended.append(dict(outcomes))


class Run:
    """A refresher, its table, and issuers called a, b, c …"""

    def __init__(self, count: int = 1, *, fetcher: Fetcher | None = None, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.issuers = [FakeIssuer(f"https://{chr(97 + number)}.example") for number in range(count)]
        self.table = FakeSharedKeys()
        self.events = RecordedRefreshEvents()
        self.trusts = [issuer.trust(entry=chr(97 + number)) for number, issuer in enumerate(self.issuers)]
        network = fetcher or FakeNetwork(*self.issuers)
        self._refresher = KeyRefresher(fetcher=network, table=self.table, clock=self.clock, events=self.events)

    def refresh(self, *trusts: IssuerTrust, seconds: float = 20) -> dict[str, RefreshOutcome]:
        return self._refresher.refresh(trusts or self.trusts, deadline=deadline_of(self.clock, seconds=seconds))

    def cold(self, number: int = 0) -> Story:
        """Return an environment that has just started."""
        story = Story(self.issuers[number], clock=self.clock, shared=self.table)
        story.trust = self.trusts[number]
        return story


@contextmanager
def hanging(issuer: FakeIssuer) -> Iterator[None]:
    gate = issuer.gate = threading.Event()
    try:
        yield
    finally:
        issuer.gate = None
        gate.set()


def test_every_issuer_is_fetched_once_and_shared() -> None:
    run = Run(3)
    assert run.refresh() == {"a": "refreshed", "b": "refreshed", "c": "refreshed"}
    assert [len(issuer.fetched) for issuer in run.issuers] == [2, 2, 2], "two documents each"
    assert sorted(run.table.sets) == sorted(name_of(trust) for trust in run.trusts)
    assert run.events.ended == [{"a": "refreshed", "b": "refreshed", "c": "refreshed"}]
    assert sorted(run.events.refreshes) == [("a", 1), ("b", 1), ("c", 1)]


def test_a_refresh_spares_a_thousand_cold_starts_their_fetch() -> None:
    run = Run()
    run.refresh()
    fetched = len(run.issuers[0].fetched)
    for _ in range(1000):
        assert run.cold().find().key_id == "key-0"
    assert len(run.issuers[0].fetched) == fetched
    run.table.sets.clear()
    for _ in range(1000):
        assert run.cold().find().key_id == "key-0"
    assert len(run.issuers[0].fetched) == fetched + 2 * 1000


def test_keys_that_the_policy_holds_are_not_fetched() -> None:
    run = Run()
    assert run.refresh(run.issuers[0].pinned_trust()) == {}
    assert (run.table.sets, run.issuers[0].fetched) == ({}, [])


def test_entries_of_one_origin_share_a_fetch_and_its_report() -> None:
    run = Run()
    other = run.issuers[0].trust(entry="other", audiences=("x",))
    assert run.refresh(*run.trusts, other) == {"a": "refreshed", "other": "refreshed"}
    assert len(run.issuers[0].fetched) == 2
    assert sorted(entry for entry, _ in run.events.refreshes) == ["a", "other"]


def test_entries_that_trust_other_certificates_share_nothing() -> None:
    run = Run()
    other = run.issuers[0].trust(entry="other", keys=Published(jwks_url=run.issuers[0].jwks_url))
    assert len(run.refresh(*run.trusts, other)) == 2
    assert len(run.table.sets) == 2


def test_left_out_keys_are_reported() -> None:
    run = Run()
    run.issuers[0].published.append({"kty": "oct"})
    run.refresh()
    assert run.events.left_out == [("a", "keys[1]: a symmetric key")]


class TestFailures:
    @pytest.mark.parametrize("trouble", [FetchFailed("x"), OSError("x"), RuntimeError("x"), KeyError()])
    def test_a_failing_issuer_stops_no_other(self, trouble: Exception) -> None:
        run = Run(3)
        run.issuers[1].documents[run.issuers[1].jwks_url] = trouble
        assert run.refresh() == {"a": "refreshed", "b": "failed", "c": "refreshed"}
        assert run.events.failures == [("b", trouble)]
        assert name_of(run.trusts[1]) not in run.table.sets

    def test_an_unusable_set_never_replaces_a_usable_one(self) -> None:
        run = Run()
        run.refresh()
        before = run.table.sets.copy()
        run.clock.advance(300)
        for answer in (b"<html>", b'{"keys":[]}', b'{"keys":[{"kty":"oct"}]}', b"\xff"):
            run.issuers[0].documents[run.issuers[0].jwks_url] = answer
            assert run.refresh() == {"a": "failed"}
        assert run.table.sets == before
        assert len(run.table.writes) == 1
        assert run.events.ages == [("a", 300)] * 4, "and how old it grows is told each time"

    def test_a_lying_discovery_document_is_not_followed(self) -> None:
        run = Run()
        issuer = run.issuers[0]
        issuer.documents[issuer.discovery_url] = issuer.discovery(jwks_uri="https://evil.example/keys")
        assert run.refresh() == {"a": "failed"}
        assert issuer.fetched == [issuer.discovery_url]

    def test_a_hanging_issuer_stops_no_other(self) -> None:
        run = Run(2)
        with hanging(run.issuers[0]):
            done = threading.Thread(target=run.refresh)
            done.start()
            assert run.issuers[0].entered.acquire(timeout=30)
            shared = threading.Event()
            while name_of(run.trusts[1]) not in run.table.sets:
                assert not shared.wait(0.001)
            assert name_of(run.trusts[0]) not in run.table.sets
        done.join(30)
        assert run.events.ended == [{"a": "refreshed", "b": "refreshed"}]

    def test_a_fetch_has_three_seconds_and_starts_before_the_end(self) -> None:
        clock = FakeClock()
        hanging_fetcher = HangingFetcher(clock)
        run = Run(40, fetcher=hanging_fetcher, clock=clock)
        before = clock.monotonic()
        assert set(run.refresh(seconds=10).values()) == {"failed"}
        assert clock.monotonic() - before == 10
        assert len(hanging_fetcher.fetched) <= 8

    def test_a_table_that_rejects_writes_is_reported(self) -> None:
        run = Run(2)
        run.table.trouble = SharedKeysFailed("AccessDeniedException")
        assert run.refresh() == {"a": "failed", "b": "failed"}
        assert sorted(entry for entry, _ in run.events.shared_failures) == ["a", "b"]
        assert run.events.refreshes == []

    def test_a_failing_issuer_and_a_failing_table_are_reported(self) -> None:
        run = Run()
        run.issuers[0].documents[run.issuers[0].discovery_url] = FetchFailed("x")
        run.table.trouble = SharedKeysFailed("AccessDeniedException")
        assert run.refresh() == {"a": "failed"}
        assert [len(each) for each in (run.events.failures, run.events.shared_failures)] == [1, 1]

    def test_an_issuer_that_was_never_reached_has_no_age(self) -> None:
        run = Run()
        run.issuers[0].documents[run.issuers[0].discovery_url] = FetchFailed("x")
        run.refresh()
        assert run.events.ages == []

    def test_a_call_to_the_table_has_a_second(self) -> None:
        run = Run()
        run.refresh()
        assert run.table.seconds == [1]


class TestWhichSetStays:
    def test_a_set_fetched_later_stays(self) -> None:
        run = Run()
        run.table.put(run.trusts[0], b"theirs", fetched_at=run.clock.wall_seconds)
        assert run.refresh() == {"a": "kept"}
        assert [found.document for found in run.table.sets.values()] == [b"theirs"]

    def test_a_set_from_the_future_is_replaced(self) -> None:
        run = Run()
        run.table.put(run.trusts[0], b"theirs", fetched_at=run.clock.wall_seconds + 3600)
        assert run.refresh() == {"a": "refreshed"}
        assert run.cold().find().key_id == "key-0"

    def test_a_rotation_reaches_cold_environments_with_the_next_run(self) -> None:
        run = Run()
        run.refresh()
        run.issuers[0].rotate()
        run.clock.advance(300)
        run.refresh()
        story = run.cold()
        fetched = len(run.issuers[0].fetched)
        assert story.find("key-1").key_id == "key-1"
        assert len(run.issuers[0].fetched) == fetched

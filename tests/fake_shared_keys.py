"""The state table's key sets in memory: they fail, hang and are tampered with as a test says, and reads are counted."""

import threading
from dataclasses import replace

from tests.fake_clock import FakeClock
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.trust import IssuerTrust, Pinned
from token_exchange.issuer_keys.origins import FetchFailed, KeyOrigin, SharedKeysFailed, StoredKeySet, shared_name


class FakeSharedKeys:
    """Fulfils `SharedKeysTable`."""

    def __init__(self) -> None:
        self.sets: dict[str, StoredKeySet] = {}
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.seconds: list[float] = []
        """How long each call was given."""
        self.trouble: Exception | None = None
        self.gate: threading.Event | None = None
        """When set, each read waits for it."""
        self.entered = threading.Semaphore(0)
        self.slow_clock: FakeClock | None = None
        """When set, each call takes all the time that it is given, on this clock, and fails."""

    def read(self, name: str, *, deadline: Deadline) -> StoredKeySet | None:
        self.reads.append(name)
        self._call(deadline)
        if self.gate is not None:
            self.entered.release()
            assert self.gate.wait(timeout=30), "a test forgot to open the gate"
        return self.sets.get(name)

    def write(self, name: str, stored: StoredKeySet, *, latest_seconds: int, deadline: Deadline) -> bool:
        self.writes.append(name)
        self._call(deadline)
        there = self.sets.get(name)
        if there is not None and stored.fetched_at_seconds <= there.fetched_at_seconds <= latest_seconds:
            return False
        self.sets[name] = stored
        return True

    def _call(self, deadline: Deadline) -> None:
        self.seconds.append(deadline.remaining_seconds())
        if self.slow_clock is not None:
            self.slow_clock.advance(deadline.remaining_seconds())
            raise SharedKeysFailed("the table did not answer in time")
        if self.trouble is not None:
            raise self.trouble

    def put(self, trust: IssuerTrust, document: bytes, *, fetched_at: float) -> str:
        """Leave a key set as the refresher does, and return its name."""
        name = name_of(trust)
        self.sets[name] = StoredKeySet(issuer=trust.url, document=document, fetched_at_seconds=int(fetched_at))
        return name

    def tamper(self, name: str, *, issuer: str | None = None, document: bytes | None = None) -> None:
        found = self.sets[name]
        self.sets[name] = replace(
            found,
            issuer=found.issuer if issuer is None else issuer,
            document=found.document if document is None else document,
        )


def origin_of(trust: IssuerTrust) -> KeyOrigin:
    assert not isinstance(trust.keys, Pinned)
    return KeyOrigin.of(trust, trust.keys)


def name_of(trust: IssuerTrust) -> str:
    return shared_name(origin_of(trust))


class HangingFetcher:
    """Fulfils `Fetcher`: never answers, and takes all the time that it is given."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.fetched: list[str] = []

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        self.fetched.append(url)
        self._clock.advance(timeout_seconds)
        raise FetchFailed(f"{url}: no answer")


def deadline_of(clock: Clock, *, seconds: float = 20.0) -> Deadline:
    return Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + seconds)

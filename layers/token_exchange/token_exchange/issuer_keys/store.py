"""The keys of all issuers: kept while fresh, fetched when needed, one fetch at a time for each issuer."""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from token_exchange.core.jwk import VerificationKey
from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.trust import IssuerTrust, Pinned
from token_exchange.core.verifier import FoundKey
from token_exchange.issuer_keys.origins import (
    FETCH_SECONDS,
    SHARED_SECONDS,
    Fetcher,
    KeyOrigin,
    SharedKeys,
    fetch_keys,
    shared_name,
    validate_shared_key_set,
)
from token_exchange.issuer_keys.timing import HeldKeys, IssuerKeys, Moment, Purpose

type KeysFrom = Literal["issuer", "table"]


class KeyEvents(Protocol):
    """Receives events about the keys of an issuer entry, for logs and metrics; its methods never raise."""

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        """A key set of `keys` usable keys is in use, whose fetch began `age_seconds` ago."""
        ...

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        """A refresh failed."""
        ...

    def key_left_out(self, entry: str, *, why: str) -> None:
        """One key of a set was left out."""
        ...

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        """A request was verified with a key set older than it should be."""
        ...

    def unknown_key_damped(self, entry: str) -> None:
        """A token named an unknown key within the cooldown, so no key set was fetched."""
        ...

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        """The state table could not be read, or its key set cannot be used."""
        ...


type RefreshOutcome = Literal["refreshed", "kept", "failed"]
"""A fresh set is in the table; a later one was there already; the issuer or the table failed."""


class RefreshEvents(KeyEvents, Protocol):
    """Also receives the results of a run of the refresher."""

    def shared_keys_age(self, entry: str, *, age_seconds: float) -> None:
        """The set that the environments share was fetched `age_seconds` ago, and no later one could be had."""
        ...

    def refresh_ended(self, outcomes: Mapping[str, RefreshOutcome]) -> None:
        """A run has ended; `outcomes` has the outcome of each issuer entry."""
        ...


type _Outcome = Literal["fetched", "shared", "failed", "not-tried", "out-of-time"]
"""`shared`: a fresh set came from the state table, and the issuer was not contacted."""


@dataclass(slots=True, kw_only=True)
class _InFlightFetch:
    """One fetch in progress; other requests that need its result wait for it (singleflight)."""

    purpose: Purpose
    done: threading.Event = field(default_factory=threading.Event)
    outcome: _Outcome = "failed"


@dataclass(slots=True, kw_only=True)
class _Issuer:
    """One issuer's keys with the lock that guards them, which is never held during a fetch."""

    origin: KeyOrigin
    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: IssuerKeys = field(default_factory=IssuerKeys)
    in_flight: _InFlightFetch | None = None


class KeyStore:
    """Implements `KeyFinder`, from memory if possible; thread-safe.

    Nothing runs between two requests in a Lambda, so the request that finds a stale set renews it: from `shared` if
    that has a fresh set, else from the issuer.
    """

    def __init__(self, *, fetcher: Fetcher, clock: Clock, events: KeyEvents, shared: SharedKeys | None = None) -> None:
        self._fetcher = fetcher
        self._shared = shared
        self._clock = clock
        self._events = events
        self._lock = threading.Lock()
        self._issuers: dict[KeyOrigin, _Issuer] = {}

    def find(self, trust: IssuerTrust, *, key_id: str | None, algorithm: str, deadline: Deadline) -> FoundKey:
        """Return the issuer's key for a token with this `kid` and `alg`.

        A token with a known key waits for a fetch only if the set is missing or over 10 minutes old.

        Raises:
            Refused: `unknown-key` where the issuer is known to publish no such key, `issuer-unavailable` where
                that is not known, `deadline-exceeded`.
        """
        if isinstance(trust.keys, Pinned):
            return FoundKey(key=_require(trust.keys.keys.find(key_id, algorithm), key_id), is_latest=True)
        issuer = self._issuer(KeyOrigin.of(trust, trust.keys))
        held, renewed = self._current_keys(issuer, trust.entry, deadline)
        key = held.keys.find(key_id, algorithm)
        if key is None and not renewed:
            outcome = self._fetch_for_unknown_key(issuer, trust.entry, deadline)
            key = self._find_again(issuer, key_id, algorithm)
            if key is None:
                self._require_current(issuer, outcome)
            renewed = True
        return FoundKey(key=_require(key, key_id), is_latest=renewed)

    def find_rotated_key(
        self, trust: IssuerTrust, rejected: FoundKey, *, key_id: str | None, deadline: Deadline
    ) -> VerificationKey | None:
        """Return the key that replaced `rejected`, which does not verify a token that names it, or None.

        Some issuers keep the id when they change the key. The same cooldown applies as for an unknown key; while the
        issuer fails, the known key decides.
        """
        if rejected.is_latest or isinstance(trust.keys, Pinned):
            return None
        issuer = self._issuer(KeyOrigin.of(trust, trust.keys))
        key = self._find_again(issuer, key_id, rejected.key.algorithm)
        if key == rejected.key:
            self._fetch_for_unknown_key(issuer, trust.entry, deadline)
            key = self._find_again(issuer, key_id, rejected.key.algorithm)
        return None if key == rejected.key else key

    def _current_keys(self, issuer: _Issuer, entry: str, deadline: Deadline) -> tuple[HeldKeys, bool]:
        """Return the set to verify with, and whether the issuer published it while this request waited."""
        now = Moment.read(self._clock)
        with issuer.lock:
            held = issuer.keys.usable(now)
        if held is not None and held.is_fresh(now):
            return held, False
        outcome = self._refresh("renewal", issuer, entry, deadline)
        now = Moment.read(self._clock)
        with issuer.lock:
            held = issuer.keys.usable(now)
        if held is None:
            raise self._unavailable(issuer, "renewal", outcome)
        if not held.is_fresh(now):
            self._events.served_stale(entry, age_seconds=held.age_seconds(now))
        return held, outcome == "fetched"

    def _fetch_for_unknown_key(self, issuer: _Issuer, entry: str, deadline: Deadline) -> _Outcome:
        """Fetch the set for a token whose key it lacks, at most once in a cooldown."""
        outcome = self._refresh("unknown-key", issuer, entry, deadline)
        if outcome == "not-tried":
            self._events.unknown_key_damped(entry)
        return outcome

    def _refresh(self, purpose: Purpose, issuer: _Issuer, entry: str, deadline: Deadline) -> _Outcome:
        """Fetch the set, or wait for the fetch in progress, unless the last one was too recent."""
        if deadline.remaining_seconds() <= 0:
            return "out-of-time"
        now = Moment.read(self._clock)
        with issuer.lock:
            held = issuer.keys.usable(now)
            if purpose == "renewal" and held is not None and held.is_fresh(now):
                return "shared"  # by another thread, since this one last read the set
            fetch = issuer.in_flight
            is_ours = fetch is None
            if fetch is None:
                if issuer.keys.wait_seconds(purpose, now) > 0:
                    return "not-tried"
                issuer.keys.started(purpose, now)
                fetch = issuer.in_flight = _InFlightFetch(purpose=purpose)
            elif purpose == "renewal" and fetch.purpose == "unknown-key" and held is not None:
                # Anyone can cause that fetch by inventing a key id; tokens with known keys do not wait for it.
                return "not-tried"
        if is_ours:
            return self._run_fetch(fetch, issuer, entry, deadline)
        done = fetch.done.wait(deadline.within(FETCH_SECONDS).remaining_seconds())
        if done and fetch.outcome == "shared" and purpose == "unknown-key":
            # The table answered. Only the issuer can say that a key does not exist.
            return self._refresh(purpose, issuer, entry, deadline)
        return fetch.outcome if done else "failed"

    def _run_fetch(self, fetch: _InFlightFetch, issuer: _Issuer, entry: str, deadline: Deadline) -> _Outcome:
        bounded = deadline.within(FETCH_SECONDS)
        try:
            # What the table holds may be minutes old: it cannot say that a key does not exist.
            if fetch.purpose == "renewal" and self._take_shared(issuer, entry, bounded):
                fetch.outcome = "shared"
            else:
                fetch.outcome = self._take_fetched(issuer, entry, bounded)
        finally:
            # Also when the thread is being stopped: a fetch that never ends would block every later one of this issuer.
            with issuer.lock:
                if fetch.outcome == "failed":
                    issuer.keys.failed(Moment.read(self._clock))
                issuer.in_flight = None
            fetch.done.set()
        return fetch.outcome

    def _take_shared(self, issuer: _Issuer, entry: str, deadline: Deadline) -> bool:
        """Use the set in the state table if it is newer than the one in memory, and return whether it is fresh."""
        if self._shared is None:
            return False
        try:
            found = self._shared.read(shared_name(issuer.origin), deadline=deadline.within(SHARED_SECONDS))
            now = Moment.read(self._clock)
            held = None if found is None else validate_shared_key_set(found, issuer.origin, now=now)
        except Exception as error:  # noqa: BLE001 - a cache that fails costs a fetch, and no exchange
            self._events.shared_keys_failed(entry, cause=error)
            return False
        if held is None:
            return False
        with issuer.lock:
            taken = issuer.keys.offered(held)
        if not (taken and held.is_fresh(now)):
            return False  # it is still used if the issuer fails
        self._report(entry, held.keys, "table", age_seconds=held.age_seconds(now))
        return True

    def _take_fetched(self, issuer: _Issuer, entry: str, deadline: Deadline) -> _Outcome:
        fetched_at = Moment.read(self._clock)
        try:
            fetched = fetch_keys(issuer.origin, fetcher=self._fetcher, deadline=deadline)
        except Exception as error:  # noqa: BLE001 - no failure of a fetch may affect the keys in use
            self._events.refresh_failed(entry, cause=error)
            return "failed"
        now = Moment.read(self._clock)
        with issuer.lock:
            issuer.keys.succeeded(fetched.keys, fetched_at=fetched_at)
        self._report(entry, fetched.keys, "issuer", age_seconds=now.seconds_since(fetched_at))
        return "fetched"

    def _report(self, entry: str, keys: KeySet, source: KeysFrom, *, age_seconds: float) -> None:
        for why in keys.left_out:
            self._events.key_left_out(entry, why=why)
        self._events.refreshed(entry, keys=len(keys.keys), source=source, age_seconds=age_seconds)

    def _find_again(self, issuer: _Issuer, key_id: str | None, algorithm: str) -> VerificationKey | None:
        now = Moment.read(self._clock)
        with issuer.lock:
            held = issuer.keys.usable(now)
        return None if held is None else held.keys.find(key_id, algorithm)

    def _require_current(self, issuer: _Issuer, outcome: _Outcome) -> None:
        """Refuse to say that a key does not exist while the issuer cannot be reached: that is 503, never 401."""
        with issuer.lock:
            failing = issuer.keys.failing
        if outcome in ("failed", "out-of-time") or (outcome == "not-tried" and failing):
            raise self._unavailable(issuer, "unknown-key", outcome)

    def _unavailable(self, issuer: _Issuer, purpose: Purpose, outcome: _Outcome) -> Refused:
        now = Moment.read(self._clock)
        with issuer.lock:
            wait_seconds = max(1, math.ceil(issuer.keys.wait_seconds(purpose, now)))
        if outcome == "out-of-time":
            text = "no time was left to fetch the issuer's keys"
            return Refused(Reason.DEADLINE_EXCEEDED, text, retry_after_seconds=wait_seconds)
        text = "the issuer's keys cannot be fetched at the moment"
        return Refused(Reason.ISSUER_UNAVAILABLE, text, retry_after_seconds=wait_seconds)

    def _issuer(self, origin: KeyOrigin) -> _Issuer:
        with self._lock:
            return self._issuers.get(origin) or self._issuers.setdefault(origin, _Issuer(origin=origin))


def _require(key: VerificationKey | None, key_id: str | None) -> VerificationKey:
    if key is None:
        named = (
            "names no key, and its alg does not select exactly one"
            if key_id is None
            else f"names the key {quoted(key_id)}"
        )
        raise Refused(Reason.UNKNOWN_KEY, f"the token {named}; the issuer publishes no such key for its alg")
    return key

"""The keys of all issuers: kept while good, fetched when needed, once for all who wait."""

import math
import threading
from dataclasses import dataclass, field
from typing import Final, Literal

from token_exchange.ports import Clock, Deadline, Fetcher, FetchFailed, KeyEvents
from token_exchange.quoting import quoted
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.verify.issuer_keys import HeldKeys, IssuerKeys, Moment, Purpose
from token_exchange.verify.jwk import VerificationKey
from token_exchange.verify.key_fetch import KeyOrigin, fetch_key_document
from token_exchange.verify.keys import KeySet
from token_exchange.verify.trust import Discovered, IssuerTrust, Pinned, Published

_FETCH_SECONDS: Final = 3.0
"""For both documents together, so that a slow issuer costs a pipeline little and the Lambda less."""

type _Outcome = Literal["fetched", "failed", "not-tried", "out-of-time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """The key that a token names, and whether asking the issuer again could bring another one."""

    key: VerificationKey
    is_latest: bool


@dataclass(slots=True, kw_only=True)
class _Flight:
    """One fetch under way, shared by all who need what it brings."""

    purpose: Purpose
    landed: threading.Event = field(default_factory=threading.Event)
    outcome: _Outcome = "failed"


@dataclass(slots=True, kw_only=True)
class _Issuer:
    """One issuer's keys with the lock that guards them, which is never held during a fetch."""

    origin: KeyOrigin
    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: IssuerKeys = field(default_factory=IssuerKeys)
    flight: _Flight | None = None


class KeyStore:
    """Finds the key for a token, in memory where it can; may be called from any number of threads.

    Nothing runs between two requests in a Lambda, so the request that finds a set too old renews it.
    """

    def __init__(self, *, fetcher: Fetcher, clock: Clock, events: KeyEvents) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._events = events
        self._lock = threading.Lock()
        self._issuers: dict[KeyOrigin, _Issuer] = {}

    def find(self, trust: IssuerTrust, *, key_id: str | None, algorithm: str, deadline: Deadline) -> FoundKey:
        """Return the issuer's key for a token with this `kid` and `alg`.

        A token with a known key waits for a fetch only where the set at hand is missing or over 10 minutes old.

        Raises:
            Refused: `unknown-key` where the issuer is known to publish no such key, `issuer-unavailable` where
                that is not known, `deadline-exceeded`.
        """
        if isinstance(trust.keys, Pinned):
            return FoundKey(key=_require(trust.keys.keys.find(key_id, algorithm), key_id), is_latest=True)
        issuer = self._issuer(trust, trust.keys)
        held, renewed = self._keys_in_force(issuer, trust.entry, deadline)
        key = held.keys.find(key_id, algorithm)
        if key is None and not renewed:
            outcome = self._refresh("unknown-key", issuer, trust.entry, deadline)
            key = self._find_again(issuer, key_id, algorithm)
            if key is None:
                self._require_current(issuer, outcome)
            renewed = True
        return FoundKey(key=_require(key, key_id), is_latest=renewed)

    def find_replacement(
        self, trust: IssuerTrust, refuted: FoundKey, *, key_id: str | None, deadline: Deadline
    ) -> VerificationKey | None:
        """Return another key than `refuted`, which did not sign a token that names it, if there is one by now.

        Some issuers keep the id when they change the key. The issuer is asked as rarely as for an unknown key;
        while it fails, the key at hand decides.
        """
        if refuted.is_latest or isinstance(trust.keys, Pinned):
            return None
        issuer = self._issuer(trust, trust.keys)
        key = self._find_again(issuer, key_id, refuted.key.algorithm)
        if key == refuted.key:
            self._refresh("unknown-key", issuer, trust.entry, deadline)
            key = self._find_again(issuer, key_id, refuted.key.algorithm)
        return None if key == refuted.key else key

    def _keys_in_force(self, issuer: _Issuer, entry: str, deadline: Deadline) -> tuple[HeldKeys, bool]:
        """Return the set to verify with, and whether it was fetched while this request waited."""
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
        if outcome != "fetched":
            self._events.served_stale(entry, age_seconds=held.age_seconds(now))
        return held, outcome == "fetched"

    def _refresh(self, purpose: Purpose, issuer: _Issuer, entry: str, deadline: Deadline) -> _Outcome:
        """Fetch the set, or wait for whoever is fetching it, unless it is too early for that."""
        if deadline.remaining_seconds() <= 0:
            return "out-of-time"
        now = Moment.read(self._clock)
        with issuer.lock:
            held = issuer.keys.usable(now)
            if purpose == "renewal" and held is not None and held.is_fresh(now):
                return "fetched"  # by another thread, between our look at the set and here
            flight = issuer.flight
            ours = flight is None
            if flight is None:
                if issuer.keys.wait_seconds(purpose, now) > 0:
                    return "not-tried"
                issuer.keys.started(purpose, now)
                flight = issuer.flight = _Flight(purpose=purpose)
            elif purpose == "renewal" and flight.purpose == "unknown-key" and held is not None:
                # Anybody can cause that fetch by inventing a key id, and nobody else shall wait for it.
                return "not-tried"
        if ours:
            return self._fly(flight, issuer, entry, deadline)
        landed = flight.landed.wait(min(_FETCH_SECONDS, deadline.remaining_seconds()))
        return flight.outcome if landed else "failed"

    def _fly(self, flight: _Flight, issuer: _Issuer, entry: str, deadline: Deadline) -> _Outcome:
        fetched_at = Moment.read(self._clock)
        fetched: KeySet | Exception = FetchFailed("the fetch was interrupted")
        try:
            fetched = self._fetch(issuer.origin, deadline)
        except Exception as error:  # noqa: BLE001 - whatever a fetch can raise, the keys at hand stay good
            fetched = error
        finally:
            # Also when the thread is being stopped: a flight that never lands would ground this issuer for ever.
            with issuer.lock:
                if isinstance(fetched, KeySet):
                    issuer.keys.succeeded(fetched, fetched_at=fetched_at)
                    flight.outcome = "fetched"
                else:
                    issuer.keys.failed(Moment.read(self._clock))
                issuer.flight = None
            flight.landed.set()
        self._report(entry, fetched)
        return flight.outcome

    def _fetch(self, origin: KeyOrigin, deadline: Deadline) -> KeySet:
        end = min(deadline.at_monotonic_seconds, self._clock.monotonic() + _FETCH_SECONDS)
        bounded = Deadline(clock=self._clock, at_monotonic_seconds=end)
        document = fetch_key_document(origin, fetcher=self._fetcher, deadline=bounded)
        return KeySet.parse(document, algorithms=origin.algorithms)

    def _report(self, entry: str, fetched: KeySet | Exception) -> None:
        if isinstance(fetched, Exception):
            self._events.refresh_failed(entry, cause=fetched)
            return
        for why in fetched.left_out:
            self._events.key_left_out(entry, why=why)
        self._events.refreshed(entry, keys=len(fetched.keys))

    def _find_again(self, issuer: _Issuer, key_id: str | None, algorithm: str) -> VerificationKey | None:
        now = Moment.read(self._clock)
        with issuer.lock:
            held = issuer.keys.usable(now)
        return None if held is None else held.keys.find(key_id, algorithm)

    def _require_current(self, issuer: _Issuer, outcome: _Outcome) -> None:
        """Refuse to say that a key does not exist while the issuer cannot be asked: our trouble is no 401."""
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
        text = "the issuer's keys cannot be fetched just now"
        return Refused(Reason.ISSUER_UNAVAILABLE, text, retry_after_seconds=wait_seconds)

    def _issuer(self, trust: IssuerTrust, source: Discovered | Published) -> _Issuer:
        origin = KeyOrigin(issuer=trust.url, source=source, algorithms=trust.algorithms, ca_bundle=trust.ca_bundle)
        with self._lock:
            return self._issuers.setdefault(origin, _Issuer(origin=origin))


def _require(key: VerificationKey | None, key_id: str | None) -> VerificationKey:
    if key is None:
        named = "names no key, and no one key fits" if key_id is None else f"names the key {quoted(key_id)}"
        raise Refused(Reason.UNKNOWN_KEY, f"the token {named}; the issuer publishes no such key for its alg")
    return key

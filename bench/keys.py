"""What issuers' keys cost: a look-up, a cold start with and without the shared tier, and what issuers see of it."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.figures import Figure, Part
from bench.sampling import medians, seconds_in_turns
from sandbox.issuer import Issuer
from sandbox.loopback import HOST, Answer, Request, Server
from sandbox.quiet_events import QuietEvents
from sandbox.signing_keys import KeyRing
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.fetch import HttpsFetcher
from token_exchange.adapters.settings import SystemClock
from token_exchange.adapters.table import SharedKeysReader
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.refusals import Refused
from token_exchange.core.trust import Discovered, IssuerTrust, Published
from token_exchange.issuer_keys.origins import FetchFailed, StoredKeySet
from token_exchange.issuer_keys.store import KeyStore
from token_exchange.refresher import KeyRefresher

_PROVIDER: Final = "github-actions"
_INVENTED: Final = 10_000
_INVENTED_EACH_SECONDS: Final = 0.01
_OUTAGE_SECONDS: Final = 600
_ENVIRONMENTS: Final = 1000


def measure(folder: Path, *, rounds: int) -> Part:
    """Return what finding a key takes, and how often an issuer is asked when things go wrong."""
    ring = KeyRing(folder / "keys", name="issuer", algorithm="RS256")
    with Issuer(folder / "keys-issuer", port=0) as issuer:
        middle = _times(issuer, ring, rounds=rounds)
    invented, waiting = _fetches_for_invented(ring), _waiting(ring)
    without, with_refresher = (_cold_environments(ring, refreshed=refreshed) for refreshed in (False, True))
    assert invented > 0
    assert waiting > 0
    assert without == _ENVIRONMENTS
    return Part(
        title="Issuers' keys",
        method=(
            "Times: a cached key, as medians of samples of 100 each; then the first key of an environment, over TLS "
            "from an issuer (two documents) and over HTTP from a table, both on loopback, without network latency, as "
            f"medians of {rounds} samples each, interleaved. Counts, with a simulated clock: {_INVENTED:,} tokens with "
            f"invented keys, one every {_INVENTED_EACH_SECONDS * 1000:.0f} ms; one request a second for ten minutes, "
            f"with cached keys that are no longer fresh, while the issuer hangs; and {_ENVIRONMENTS:,} environments "
            "that start together."
        ),
        figures=(
            Figure(
                name="first key, from the table / from the issuer",
                value=middle["from the table"] / middle["from the issuer"], unit="times", aim=1.0,
            ),
            Figure(name="a cached key", value=middle["cached"] * 1e6, unit="µs"),
            Figure(name="first key, from the issuer", value=middle["from the issuer"] * 1e3, unit="ms"),
            Figure(name="first key, from the table", value=middle["from the table"] * 1e3, unit="ms"),
            Figure(name="fetches for 10,000 invented keys in 100 s", value=invented, unit="count"),
            Figure(name="requests of 600 that wait for a hanging issuer", value=waiting, unit="count"),
            Figure(name="fetches by 1,000 cold environments, no refresher", value=without, unit="count"),
            Figure(
                name="fetches by 1,000 cold environments, after a run of it", value=with_refresher, unit="count",
                limit=0, steady=True,
            ),
        ),
    )  # fmt: skip


def _times(issuer: Issuer, ring: KeyRing, *, rounds: int) -> dict[str, float]:
    clock = SystemClock()
    trust = IssuerTrust(
        entry="ci",
        url=issuer.issuer_url(_PROVIDER),
        audiences=frozenset({"bench"}),
        algorithms=("RS256",),
        leeway_seconds=60,
        max_lifetime_seconds=3600,
        keys=Discovered(),
        ca_bundle=issuer.ca_bundle.read_text(),
    )
    published = issuer.keys(_PROVIDER)
    warm, warm_trust = _store(_Issuer(clock, ring), clock), _trust()
    _find(warm, warm_trust, ring.current.key_id, clock)
    with _table(trust, published, clock) as shared:
        calls = {
            "cached": lambda: _find(warm, warm_trust, ring.current.key_id, clock),
            "from the issuer": lambda: _find(
                _store(HttpsFetcher(clock=clock), clock), trust, published.current.key_id, clock
            ),
            "from the table": lambda: _find(
                _store(_Issuer(clock, ring), clock, shared), trust, published.current.key_id, clock
            ),
        }
        return medians(seconds_in_turns(calls, rounds=rounds, repeat={"cached": 100}))


@contextmanager
def _table(trust: IssuerTrust, ring: KeyRing, clock: Clock) -> Iterator[SharedKeysReader]:
    """Answer GetItem with the keys of `ring`, as DynamoDB does, and yield what reads them."""
    item = {
        "issuer": {"S": trust.url},
        "document": {"B": base64.b64encode(json.dumps({"keys": ring.published()}).encode()).decode()},
        "fetched_at": {"N": str(int(clock.now()))},
    }
    answer = Answer(headers=(("content-type", "application/x-amz-json-1.0"),), body=json.dumps({"Item": item}).encode())

    def answering(_request: Request) -> Answer:
        return answer

    with Server(answering) as server:
        names = {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://{HOST}:{server.port}",
            "AWS_ACCESS_KEY_ID": "ASIABENCH",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        before = dict(os.environ)
        os.environ.update(names)
        try:
            clients = AwsClients(region="eu-west-1")
            clients.dynamodb()
        finally:
            os.environ.clear()
            os.environ.update(before)
        yield SharedKeysReader(clients=clients, calls=DeadlineCalls(), table="state")


class _ToldClock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.seconds = 1_795_165_260.0

    def now(self) -> float:
        """Return the time."""
        return self.seconds

    def monotonic(self) -> float:
        """Return the same."""
        return self.seconds


class _Issuer:
    """Implements `Fetcher` from memory, counts, and hangs while `hangs` is set."""

    def __init__(self, clock: Clock, ring: KeyRing) -> None:
        self._clock = clock
        self._document = json.dumps({"keys": ring.published()}).encode()
        self.hangs = False
        self.fetches = 0

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        """Return the key set."""
        del ca_bundle, max_bytes
        self.fetches += 1
        if self.hangs:
            assert isinstance(self._clock, _ToldClock)
            self._clock.seconds += timeout_seconds
            raise FetchFailed(f"{url}: no answer")
        return self._document


class _Table:
    """Implements `SharedKeysTable` from memory."""

    def __init__(self) -> None:
        self._sets: dict[str, StoredKeySet] = {}

    def read(self, name: str, *, deadline: Deadline) -> StoredKeySet | None:
        """Return what was written."""
        del deadline
        return self._sets.get(name)

    def write(self, name: str, stored: StoredKeySet, *, latest_seconds: int, deadline: Deadline) -> bool:
        """Keep it."""
        del latest_seconds, deadline
        self._sets[name] = stored
        return True


def _trust() -> IssuerTrust:
    return IssuerTrust(
        entry="ci",
        url="https://ci.example",
        audiences=frozenset({"bench"}),
        algorithms=("RS256",),
        leeway_seconds=60,
        max_lifetime_seconds=3600,
        keys=Published(jwks_url="https://ci.example/keys"),
    )


def _store(fetcher: HttpsFetcher | _Issuer, clock: Clock, shared: SharedKeysReader | _Table | None = None) -> KeyStore:
    return KeyStore(fetcher=fetcher, clock=clock, events=QuietEvents(), shared=shared)


def _deadline(clock: Clock) -> Deadline:
    return Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 20)


def _find(store: KeyStore, trust: IssuerTrust, key_id: str, clock: Clock) -> object:
    return store.find(trust, key_id=key_id, algorithm="RS256", deadline=_deadline(clock))


def _fetches_for_invented(ring: KeyRing) -> int:
    clock = _ToldClock()
    issuer = _Issuer(clock, ring)
    store = _store(issuer, clock)
    _find(store, _trust(), ring.current.key_id, clock)
    for number in range(_INVENTED):
        try:
            _find(store, _trust(), f"invented-{number}", clock)
        except Refused:
            clock.seconds += _INVENTED_EACH_SECONDS
    return issuer.fetches - 1


def _waiting(ring: KeyRing) -> int:
    clock = _ToldClock()
    issuer = _Issuer(clock, ring)
    store = _store(issuer, clock)
    _find(store, _trust(), ring.current.key_id, clock)
    issuer.hangs = True
    clock.seconds += 601
    waited = 0
    for _ in range(_OUTAGE_SECONDS):
        began = clock.seconds
        _find(store, _trust(), ring.current.key_id, clock)
        waited += clock.seconds > began
        clock.seconds += 1
    return waited


def _cold_environments(ring: KeyRing, *, refreshed: bool) -> int:
    clock = _ToldClock()
    issuer, table = _Issuer(clock, ring), _Table()
    if refreshed:
        run = KeyRefresher(fetcher=issuer, table=table, clock=clock, events=QuietEvents())
        run.refresh([_trust()], deadline=_deadline(clock))
    before = issuer.fetches
    for _ in range(_ENVIRONMENTS):
        _find(_store(issuer, clock, table), _trust(), ring.current.key_id, clock)
    return issuer.fetches - before

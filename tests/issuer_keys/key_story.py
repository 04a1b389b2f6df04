"""One environment, one issuer and a key store between them, for tests that read as stories."""

import pytest

from tests.fake_clock import FakeClock
from tests.fake_issuer import FakeIssuer, RecordedKeyEvents
from tests.fake_shared_keys import FakeSharedKeys
from token_exchange.core.jwk import VerificationKey
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Refused
from token_exchange.core.trust import IssuerTrust, Published
from token_exchange.core.verifier import FoundKey
from token_exchange.issuer_keys.origins import Fetcher, SharedKeys
from token_exchange.issuer_keys.store import KeyStore


class Story:
    """One environment, one issuer, and what happens to them."""

    def __init__(
        self,
        issuer: FakeIssuer | None = None,
        fetcher: Fetcher | None = None,
        *,
        clock: FakeClock | None = None,
        shared: SharedKeys | None = None,
    ) -> None:
        self.issuer = issuer or FakeIssuer()
        self.clock = clock or FakeClock()
        self.events = RecordedKeyEvents()
        self.store = KeyStore(fetcher=fetcher or self.issuer, clock=self.clock, events=self.events, shared=shared)
        self.trust = self.issuer.trust(keys=Published(jwks_url=self.issuer.jwks_url))

    def deadline(self, seconds: float = 20.0) -> Deadline:
        return Deadline(clock=self.clock, at_monotonic_seconds=self.clock.monotonic() + seconds)

    def find(
        self, key_id: str | None = "key-0", *, seconds: float = 20.0, trust: IssuerTrust | None = None
    ) -> VerificationKey:
        return self.look(key_id, seconds=seconds, trust=trust).key

    def look(
        self, key_id: str | None = "key-0", *, seconds: float = 20.0, trust: IssuerTrust | None = None
    ) -> FoundKey:
        return self.store.find(trust or self.trust, key_id=key_id, algorithm="RS256", deadline=self.deadline(seconds))

    def replace(self, found: FoundKey, key_id: str | None = "key-0") -> VerificationKey | None:
        return self.store.find_rotated_key(self.trust, found, key_id=key_id, deadline=self.deadline())

    def refusal(self, key_id: str | None = "key-0", *, seconds: float = 20.0) -> Refused:
        with pytest.raises(Refused) as refused:
            self.find(key_id, seconds=seconds)
        return refused.value

    @property
    def fetches(self) -> int:
        return len(self.issuer.fetched)


class SharedStory(Story):
    """A cold environment, and a table in which the refresher left the issuer's keys `age_seconds` ago."""

    def __init__(self, *, age_seconds: float | None = 120, issuer: FakeIssuer | None = None) -> None:
        self.table = FakeSharedKeys()
        super().__init__(issuer, shared=self.table)
        if age_seconds is not None:
            self.refresher_ran(age_seconds=age_seconds)

    def refresher_ran(self, *, age_seconds: float = 0) -> str:
        return self.table.put(self.trust, self.issuer.key_set(), fetched_at=self.clock.wall_seconds - age_seconds)

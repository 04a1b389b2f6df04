import pytest

from tests.fake_clock import FakeClock
from tests.fake_issuer import FakeIssuer
from token_exchange.core.ports import Deadline
from token_exchange.core.trust import Discovered, Published
from token_exchange.issuer_keys.origins import FetchFailed, KeyOrigin, UnusableDiscovery, fetch_key_document, fetch_keys


def fetch(issuer: FakeIssuer, source: Discovered | Published) -> bytes:
    clock = FakeClock()
    origin = KeyOrigin(issuer=issuer.url, source=source, algorithms=("RS256",), ca_bundle=None)
    deadline = Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 3)
    return fetch_key_document(origin, fetcher=issuer, deadline=deadline)


def test_discovered_keys_take_two_documents() -> None:
    issuer = FakeIssuer()
    assert fetch(issuer, Discovered()) == issuer.key_set()
    assert issuer.fetched == [issuer.discovery_url, issuer.jwks_url]


def test_published_keys_take_one() -> None:
    issuer = FakeIssuer()
    assert fetch(issuer, Published(jwks_url=issuer.jwks_url)) == issuer.key_set()
    assert issuer.fetched == [issuer.jwks_url]


@pytest.mark.parametrize("lie", [{"issuer": "https://evil.example"}, {"jwks_uri": "https://evil.example/keys"}])
def test_a_lying_discovery_document_is_not_followed(lie: dict[str, str]) -> None:
    issuer = FakeIssuer()
    issuer.documents[issuer.discovery_url] = issuer.discovery(**lie)
    with pytest.raises(UnusableDiscovery):
        fetch(issuer, Discovered())
    assert issuer.fetched == [issuer.discovery_url]


def test_both_documents_share_the_time() -> None:
    clock = FakeClock()

    class SlowIssuer(FakeIssuer):
        def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
            clock.advance(2)
            assert max_bytes == 256 * 1024
            return super().fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)

    issuer = SlowIssuer()
    origin = KeyOrigin(issuer=issuer.url, source=Discovered(), algorithms=("RS256",), ca_bundle=None)
    fetch_keys(origin, fetcher=issuer, deadline=Deadline(clock=clock, at_monotonic_seconds=1020))
    assert issuer.timeouts_seconds == [3, 1]


def test_a_failure_passes_through() -> None:
    issuer = FakeIssuer()
    issuer.fail()
    with pytest.raises(FetchFailed):
        fetch(issuer, Discovered())

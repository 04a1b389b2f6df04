"""Getting an issuer's key set from the issuer: one document where its URL is known, two where it is discovered."""

from dataclasses import dataclass, field
from typing import Final, Self, assert_never

from token_exchange.ports import Deadline, Fetcher, FetchFailed
from token_exchange.verify.discovery import discovery_url, read_jwks_uri
from token_exchange.verify.keys import KeySet
from token_exchange.verify.trust import Discovered, IssuerTrust, Published

FETCH_SECONDS: Final = 3.0
"""For all documents together, so that a slow issuer costs a pipeline little and the Lambda less."""
MAX_DOCUMENT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOrigin:
    """All that decides what an issuer's key set is; entries that agree in it share one set.

    The algorithms belong to it, since a key that names none is bound to the first that fits.
    """

    issuer: str
    source: Discovered | Published
    algorithms: tuple[str, ...]
    ca_bundle: str | None = field(repr=False)

    @classmethod
    def of(cls, trust: IssuerTrust, source: Discovered | Published) -> Self:
        """Return where the keys of an entry come from that does not hold them itself."""
        return cls(issuer=trust.url, source=source, algorithms=trust.algorithms, ca_bundle=trust.ca_bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKeys:
    """What an issuer published: the usable keys, and the document that they were read from."""

    keys: KeySet
    document: bytes = field(repr=False)


def fetch_keys(origin: KeyOrigin, *, fetcher: Fetcher, deadline: Deadline) -> FetchedKeys:
    """Return the issuer's key set, fetched within 3 s and by `deadline`.

    Raises:
        FetchFailed: a document could not be fetched.
        UnusableDiscovery: the discovery document is not one to follow.
        UnusableKeySet: the key set holds no key that can be used.
    """
    document = fetch_key_document(origin, fetcher=fetcher, deadline=deadline.within(FETCH_SECONDS))
    return FetchedKeys(keys=KeySet.parse(document, algorithms=origin.algorithms), document=document)


def fetch_key_document(origin: KeyOrigin, *, fetcher: Fetcher, deadline: Deadline) -> bytes:
    """Return the key set's bytes, unread, with all of the fetching done by `deadline`.

    Raises:
        FetchFailed: a document could not be fetched.
        UnusableDiscovery: the discovery document is not one to follow.
    """
    match origin.source:
        case Published(jwks_url=url):
            jwks_url = url
        case Discovered(keys_host=keys_host):
            discovery = _fetch(discovery_url(origin.issuer), origin, fetcher, deadline)
            jwks_url = read_jwks_uri(discovery, issuer=origin.issuer, keys_host=keys_host)
        case unknown:
            assert_never(unknown)
    return _fetch(jwks_url, origin, fetcher, deadline)


def _fetch(url: str, origin: KeyOrigin, fetcher: Fetcher, deadline: Deadline) -> bytes:
    seconds = deadline.remaining_seconds()
    if seconds <= 0:
        raise FetchFailed(f"no time was left to ask for {url!r}")
    return fetcher.fetch(
        url,
        ca_bundle=origin.ca_bundle,
        timeout_seconds=seconds,
        max_bytes=MAX_DOCUMENT_BYTES,
    )

"""Getting an issuer's key set from the issuer: one document where its URL is known, two where it is discovered."""

from dataclasses import dataclass, field
from typing import Final, assert_never

from token_exchange.ports import Deadline, Fetcher
from token_exchange.verify.discovery import discovery_url, read_jwks_uri
from token_exchange.verify.trust import Discovered, Published

_MAX_DOCUMENT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOrigin:
    """All that decides what an issuer's key set is; entries that agree in it share one set.

    The algorithms belong to it, since a key that names none is bound to the first that fits.
    """

    issuer: str
    source: Discovered | Published
    algorithms: tuple[str, ...]
    ca_bundle: str | None = field(repr=False)


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
    return fetcher.fetch(
        url,
        ca_bundle=origin.ca_bundle,
        timeout_seconds=deadline.remaining_seconds(),
        max_bytes=_MAX_DOCUMENT_BYTES,
    )

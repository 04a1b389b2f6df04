"""Fetches an issuer's keys: its discovery document, if it uses discovery, then its key set.

Source: OpenID Connect Discovery 1.0, sections 4.1 and 4.3.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, assert_never

from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import quoted
from token_exchange.core.strict_json import MAX_DOCUMENT_VALUES, NotStrictJson, parse_object
from token_exchange.core.trust import Discovered, IssuerTrust, Published


class FetchFailed(Exception):
    """A document could not be fetched; the text is for the log only."""


class Fetcher(Protocol):
    """Fetches one small document from an issuer, over verified TLS only."""

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        """Return the body of a 200 answer of `url`.

        No redirect is followed, no compression asked for, no proxy used. `ca_bundle` is PEM text to trust
        instead of the system's certificates. `timeout_seconds` bounds everything from the DNS lookup to the last
        byte, however slowly it arrives.

        Raises:
            FetchFailed: any failure.
        """
        ...


_HTTPS_URL: Final = re.compile(
    r"https://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:[/?][!$&-;=?-Z_a-z~%]*)?",
    re.IGNORECASE | re.ASCII,
)
"""RFC 3986 without user information, fragment, backslash or white space, on which URL parsers disagree."""

_MAX_URL_CHARACTERS: Final = 2048


class UnusableDiscovery(ValueError):
    """A discovery document that must not be followed; the text says why."""


def discovery_url(issuer: str) -> str:
    """Return the URL of the issuer's discovery document (section 4.1): one trailing slash is removed."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def read_jwks_uri(document: bytes, *, issuer: str, keys_host: str | None) -> str:
    """Return the key set's URL from a discovery document.

    The document's `issuer` must be the requested one (section 4.3); otherwise one tenant of a host could impersonate
    another. The URL must be HTTPS on `keys_host`, or if that is None on the issuer's own host and port: a manipulated
    document must not move the keys to another server.

    Raises:
        UnusableDiscovery: the document breaks one of these rules.
    """
    try:
        members = parse_object(document, max_values=MAX_DOCUMENT_VALUES)
    except NotStrictJson as error:
        raise UnusableDiscovery(f"the discovery document is not strict JSON: {error}") from error
    if members.get("issuer") != issuer:
        raise UnusableDiscovery(f"the discovery document's issuer is not {quoted(issuer)}")
    jwks_uri = members.get("jwks_uri")
    if not isinstance(jwks_uri, str) or len(jwks_uri) > _MAX_URL_CHARACTERS:
        raise UnusableDiscovery("the discovery document has no jwks_uri")
    expected = _authority(issuer if keys_host is None else f"https://{keys_host}")
    found = _authority(jwks_uri)
    if found is None or found != expected:
        raise UnusableDiscovery(f"jwks_uri {quoted(jwks_uri)} is not on the expected host of this issuer's keys")
    return jwks_uri


def _authority(url: str) -> tuple[str, int] | None:
    """Return host and port of an HTTPS URL, or None for anything else."""
    parts = _HTTPS_URL.fullmatch(url)
    return None if parts is None else (parts["host"].lower(), int(parts["port"] or 443))


FETCH_SECONDS: Final = 3.0
"""For all documents together, so that a slow issuer costs a pipeline seconds and never its whole deadline."""

MAX_DOCUMENT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOrigin:
    """Everything that decides what an issuer's key set is; entries with the same origin share one set.

    The algorithms belong to it, since a key that names no `alg` is bound to the first that fits.
    """

    issuer: str
    source: Discovered | Published
    algorithms: tuple[str, ...]
    ca_bundle: str | None = field(repr=False)

    @classmethod
    def of(cls, trust: IssuerTrust, source: Discovered | Published) -> Self:
        """Return the origin of the keys of an entry that does not pin them."""
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
        UnusableDiscovery: the discovery document must not be followed.
        UnusableKeySet: the key set has no usable key.
    """
    document = fetch_key_document(origin, fetcher=fetcher, deadline=deadline.within(FETCH_SECONDS))
    return FetchedKeys(keys=KeySet.parse(document, algorithms=origin.algorithms), document=document)


def fetch_key_document(origin: KeyOrigin, *, fetcher: Fetcher, deadline: Deadline) -> bytes:
    """Return the key set's bytes, not parsed, fetched by `deadline`.

    Raises:
        FetchFailed: a document could not be fetched.
        UnusableDiscovery: the discovery document must not be followed.
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
        raise FetchFailed(f"no time was left to fetch {url!r}")
    return fetcher.fetch(
        url,
        ca_bundle=origin.ca_bundle,
        timeout_seconds=seconds,
        max_bytes=MAX_DOCUMENT_BYTES,
    )

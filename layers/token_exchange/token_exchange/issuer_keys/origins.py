"""Where an issuer's key set comes from: its own documents, or the state table, which shares sets with all environments.

Source: OpenID Connect Discovery 1.0, sections 4.1 and 4.3.

The table is a cache and a root of trust: anyone who can write a key set there can impersonate any caller. What is read
from it is checked like an issuer's own answer, and is bound to the issuer that it is kept for.
"""

import re
from dataclasses import field
from hashlib import sha256
from typing import Final, Protocol, Self, assert_never

from token_exchange.core.keys import KeySet, UnusableKeySet
from token_exchange.core.ports import Deadline
from token_exchange.core.record import record
from token_exchange.core.refusals import quoted
from token_exchange.core.single_use import length_prefixed
from token_exchange.core.strict_json import MAX_DOCUMENT_VALUES, NotStrictJson, parse_object
from token_exchange.core.trust import Discovered, IssuerTrust, Published
from token_exchange.issuer_keys.timing import USABLE_SECONDS, HeldKeys, Moment


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


@record
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


@record
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


@record
class StoredKeySet:
    """A key set as the state table holds it: what an issuer published, not parsed yet.

    `fetched_at_seconds` is when its fetch began, since the epoch.
    """

    issuer: str
    document: bytes = field(repr=False)
    fetched_at_seconds: int


class SharedKeysFailed(Exception):
    """An operation on the state table failed, or the item is not a key set; the message is for the log only."""


class SharedKeys(Protocol):
    """The key sets that the refresher left for all environments."""

    def read(self, name: str, *, deadline: Deadline) -> StoredKeySet | None:
        """Return the set under `name`, or None.

        Raises:
            SharedKeysFailed: any failure, by `deadline`.
        """
        ...


class SharedKeysTable(SharedKeys, Protocol):
    """The same, for the one function that may write them."""

    def write(self, name: str, stored: StoredKeySet, *, latest_seconds: int, deadline: Deadline) -> bool:
        """Put `stored` under `name`, unless a set that was fetched later is there, and return whether it was put.

        A set fetched after `latest_seconds`, since the epoch, came from a wrong clock and is replaced.

        Raises:
            SharedKeysFailed: any failure, by `deadline`.
        """
        ...


SHARED_SECONDS: Final = 1.0
"""For one call to the table, which answers in hundredths of that; a call that hangs must leave time for the issuer."""

_PREFIX: Final = "keys#1#"
"""IAM policies restrict writing key sets by the first five characters (`dynamodb:LeadingKeys`). The number is the
version of the item's form: environments of another version do not read it, and fetch from the issuer."""


def shared_name(origin: KeyOrigin) -> str:
    """Return the name under which the set of `origin` is kept.

    Everything that decides what the set is goes into the name: a policy that moves an issuer's keys, or trusts another
    certificate for them, never reads the earlier set.
    """
    match origin.source:
        case Discovered(keys_host=keys_host):
            source = ("discovered", keys_host or "")
        case Published(jwks_url=jwks_url):
            source = ("published", jwks_url)
        case unknown:
            assert_never(unknown)
    certificates = () if origin.ca_bundle is None else (origin.ca_bundle,)
    parts = (origin.issuer, *source, " ".join(origin.algorithms), *certificates)
    return _PREFIX + sha256(length_prefixed(*parts)).hexdigest()


def stored(fetched: FetchedKeys, origin: KeyOrigin, *, fetched_at: Moment) -> StoredKeySet:
    """Return the item for a set whose fetch began at `fetched_at`."""
    # Rounded down: a set may count as older than it is, never as younger.
    seconds = int(fetched_at.wall_seconds)
    return StoredKeySet(issuer=origin.issuer, document=fetched.document, fetched_at_seconds=seconds)


def validate_shared_key_set(found: StoredKeySet, origin: KeyOrigin, *, now: Moment) -> HeldKeys:
    """Return the set that the table holds, checked like one that the issuer has just sent.

    Its age counts from when it was fetched from the issuer, on both clocks.

    Raises:
        UnusableKeySet: it is another issuer's, from the future, older than a day, or unusable.
    """
    if found.issuer != origin.issuer:
        raise UnusableKeySet("the set in the table is another issuer's")
    age_seconds = now.wall_seconds - found.fetched_at_seconds
    if not 0 <= age_seconds <= USABLE_SECONDS:
        raise UnusableKeySet(f"the set in the table is {age_seconds:.0f} s old, expected 0 to {USABLE_SECONDS}")
    if len(found.document) > MAX_DOCUMENT_BYTES:
        raise UnusableKeySet(f"the set in the table has more than {MAX_DOCUMENT_BYTES} bytes")
    return HeldKeys(
        keys=KeySet.parse(found.document, algorithms=origin.algorithms),
        fetched_at=Moment(wall_seconds=found.fetched_at_seconds, monotonic_seconds=now.monotonic_seconds - age_seconds),
    )

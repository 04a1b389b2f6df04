"""Key sets that all environments share through the state table: their names, and how they are validated.

The table is a cache and a root of trust: anyone who can write a key set there can impersonate any caller. What is read
from it is checked like an issuer's own answer, and is bound to the issuer that it is kept for.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol, assert_never

from token_exchange.core.keys import KeySet, UnusableKeySet
from token_exchange.core.ports import Deadline
from token_exchange.core.trust import Discovered, Published
from token_exchange.issuer_keys.fetch import MAX_DOCUMENT_BYTES, FetchedKeys, KeyOrigin
from token_exchange.issuer_keys.timing import USABLE_SECONDS, HeldKeys, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
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

_PREFIX: Final = "keys#"
"""IAM policies restrict writing key sets by this prefix (`dynamodb:LeadingKeys`)."""


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
    # Each with its length, so that no two lists of parts have the same bytes.
    return _PREFIX + sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


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

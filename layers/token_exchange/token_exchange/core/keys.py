"""An issuer's key set: which key a token names, and whether that key verifies the signature.

Source: RFC 7517 section 5 (JWK set), RFC 8725 sections 3.1 to 3.5. PyJWT and cryptography verify the signature itself.
"""

from collections.abc import Mapping
from typing import Final, Self

from token_exchange.core.jwk import SCHEMES, UnusableKey, VerificationKey, load_key
from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.strict_json import MAX_DOCUMENT_VALUES, NotStrictJson, parse_object

_MAX_KEYS: Final = 100
"""Loading a key costs time, and the issuer's host may be compromised."""

_MAX_REASONS_SHOWN: Final = 3


class UnusableKeySet(ValueError):
    """A document that is not a key set, or has no usable key; the message says why."""


@record
class KeySet:
    """The usable keys of one issuer, at least one, and a line about each key that was left out."""

    keys: tuple[VerificationKey, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def parse(cls, document: bytes | Mapping[str, Json], *, algorithms: tuple[str, ...]) -> Self:
        """Read a JWK set (RFC 7517 section 5) for an issuer that signs with `algorithms`, in order of preference.

        An unusable key is left out and does not affect the others, as RFC 7517 section 5 recommends: an issuer may
        also publish keys for other purposes, or of types that do not exist yet.

        Raises:
            UnusableKeySet: not a JWK set, over 100 keys, or no key that can be used.
        """
        schemes = tuple(SCHEMES[name] for name in algorithms if name in SCHEMES)
        keys: list[VerificationKey] = []
        left_out: list[str] = []
        for position, entry in enumerate(_entries(document)):
            try:
                keys.append(load_key(entry, schemes))
            except UnusableKey as why:
                left_out.append(f"{_label(position, entry)}: {why}")
        if not keys:
            raise UnusableKeySet(_nothing_usable(left_out))
        return cls(keys=tuple(keys), left_out=tuple(left_out))

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """Return the key for a token with this `kid` and `alg`, or None if there is none or more than one.

        Without a `kid`, the issuer must have exactly one key for the algorithm. The same key published twice counts
        once, even under two ids: an issuer that renames a key may publish both names for a while.
        """
        # Keys are not tried in turn: which key verifies a token is decided before its signature is checked.
        found = [key for key in self.keys if key.algorithm == algorithm and key_id in (None, key.key_id)]
        if not found or any(key.public_key != found[0].public_key for key in found[1:]):
            return None
        return found[0]


def _entries(document: bytes | Mapping[str, Json]) -> list[Json]:
    try:
        members = parse_object(document, max_values=MAX_DOCUMENT_VALUES) if isinstance(document, bytes) else document
    except NotStrictJson as error:
        raise UnusableKeySet(f"the key set is not strict JSON: {error}") from error
    entries = members.get("keys")
    if not isinstance(entries, list):
        raise UnusableKeySet("the key set has no list keys")
    if len(entries) > _MAX_KEYS:
        raise UnusableKeySet(f"the key set has {len(entries)} keys, expected at most {_MAX_KEYS}")
    return entries


def _label(position: int, entry: Json) -> str:
    key_id = entry.get("kid") if isinstance(entry, dict) else None
    return f"keys[{position}] {quoted(key_id)}" if isinstance(key_id, str) else f"keys[{position}]"


def _nothing_usable(left_out: list[str]) -> str:
    if not left_out:
        return "the key set is empty"
    shown, more = left_out[:_MAX_REASONS_SHOWN], len(left_out) - _MAX_REASONS_SHOWN
    return f"no usable key: {'; '.join(shown)}" + (f"; and {more} more" if more > 0 else "")


class BadSignature(Refused):
    """The key does not verify the signature; the verifier handles this, as the issuer may have replaced the key."""

    def __init__(self) -> None:
        super().__init__(
            Reason.BAD_SIGNATURE, "the signature does not verify with the issuer's key that the token names"
        )


def require_signature(key: VerificationKey, *, signed_part: bytes, signature: bytes) -> None:
    """Verify `signature` over `signed_part` with `key`, by the algorithm that the key is bound to.

    The key was bound to its algorithm when the set was loaded, and `KeySet.find` returns it for no other `alg`.

    Raises:
        BadSignature: the signature does not verify.
    """
    if not SCHEMES[key.algorithm].implementation.verify(signed_part, key.public_key, signature):
        raise BadSignature

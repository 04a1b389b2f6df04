"""An issuer's key set: what it publishes, read once; the unusable keys left out one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from token_exchange.ports import Json
from token_exchange.quoting import quoted
from token_exchange.verify.algorithms import SCHEMES
from token_exchange.verify.jwk import UnusableKey, VerificationKey, load_key
from token_exchange.verify.strict_json import NotStrictJson, parse_object

_MAX_KEYS: Final = 100
_REASONS_TOLD: Final = 3


class UnusableKeySet(ValueError):
    """A document that holds no key set, or one without a single usable key; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The usable keys of one issuer, never none, and a line on each that was left out."""

    keys: tuple[VerificationKey, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def parse(cls, document: bytes | Mapping[str, Json], *, algorithms: tuple[str, ...]) -> Self:
        """Read a JWK set (RFC 7517 section 5) for an issuer that signs with `algorithms`, the preferred first.

        A key that cannot be used costs itself alone: an issuer may publish keys for other ends, or of kinds
        that are not invented yet, beside those that sign its tokens.

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
        """Return the one key for a token with this `kid` and `alg`; None where there is none, or more than one.

        Without a `kid` every key of the algorithm is meant, and there must be exactly one.
        """
        found = [key for key in self.keys if key.algorithm == algorithm and key_id in (None, key.key_id)]
        return found[0] if len(found) == 1 else None


def _entries(document: bytes | Mapping[str, Json]) -> list[Json]:
    try:
        members = parse_object(document) if isinstance(document, bytes) else document
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
    told, more = left_out[:_REASONS_TOLD], len(left_out) - _REASONS_TOLD
    return f"no usable key: {'; '.join(told)}" + (f"; and {more} more" if more > 0 else "")

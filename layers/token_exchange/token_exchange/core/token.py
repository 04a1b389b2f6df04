"""A token before anything in it is proven: its compact form (RFC 7515) and the rules of its header (RFC 8725)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.keys import MAX_KEY_ID_CHARACTERS, SCHEMES
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.strict_json import NotStrictJson, parse_object

_MAX_TOKEN_CHARACTERS: Final = 16 * 1024
_SEGMENTS: Final = 3
_BEGINNING: Final = re.compile(rb'[ \t\r\n]*+\{[ \t\r\n]*+"')


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedToken:
    """A token of the right shape. Whoever sent it chose every word in it."""

    raw_token: str = field(repr=False)
    unverified_header: Mapping[str, Json] = field(repr=False)
    unverified_claims: Mapping[str, Json] = field(repr=False)
    signed_part: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def unverified_issuer(self) -> str | None:
        """The `iss` that the token claims, at any length, or None where it is no text."""
        issuer = self.unverified_claims.get("iss")
        return issuer if isinstance(issuer, str) else None

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the raw token, by which records speak of it."""
        return hashlib.sha256(self.raw_token.encode("ascii")).hexdigest()

    @property
    def signed_part_sha256(self) -> str:
        """The hex SHA-256 of header and payload, which a second valid signature does not change."""
        return hashlib.sha256(self.signed_part).hexdigest()


def read_compact(raw_token: str) -> UnverifiedToken:
    """Take a token apart: its size, its three segments, and a JSON object in each of the first two.

    Neither the header's rules nor the signature nor any claim has been looked at.

    Raises:
        Refused: `token-too-large` or `malformed-token`.
    """
    if len(raw_token) > _MAX_TOKEN_CHARACTERS:
        raise Refused(Reason.TOKEN_TOO_LARGE, f"the token has more than {_MAX_TOKEN_CHARACTERS} characters")
    try:
        octets = raw_token.encode("ascii")
    except UnicodeEncodeError:
        raise _malformed("it holds a character that is not ASCII") from None
    segments = octets.count(b".") + 1
    if segments != _SEGMENTS:
        raise _malformed(f"expected {_SEGMENTS} segments, found {segments}")
    header, payload, signature = octets.split(b".")
    return UnverifiedToken(
        raw_token=raw_token,
        unverified_header=_object(header, "header"),
        unverified_claims=_object(payload, "payload"),
        signed_part=octets[: -len(signature) - 1],
        signature=_decoded(signature, "signature"),
    )


def begins_as_header(segment: str) -> bool:
    """Say whether base64url characters could begin a header: a JSON object with a member, white space and all.

    Not that they do: it is what tells a token in a text from a host's name there.
    """
    whole = segment if len(segment) % 4 != 1 else segment[:-1]
    octets = base64.urlsafe_b64decode(whole + "==")
    return _BEGINNING.match(octets) is not None


def _object(segment: bytes, name: str) -> dict[str, Json]:
    try:
        return parse_object(_decoded(segment, name))
    except NotStrictJson as error:
        raise _malformed(f"its {name} is refused as JSON: {error}") from None


def _decoded(segment: bytes, name: str) -> bytes:
    """Return the octets of `segment` if encoding them again gives `segment` and nothing else.

    One token must have one spelling: padding, white space, the other alphabet or stray trailing bits would
    give a spent token a second life under another hash.
    """
    try:
        octets = base64.urlsafe_b64decode(segment + b"==")
    except binascii.Error:
        octets = b""
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != segment:
        raise _malformed(f"its {name} is not canonical base64url")
    return octets


def _malformed(why: str) -> Refused:
    return Refused(Reason.MALFORMED_TOKEN, f"the token is malformed: {why}")


_FORBIDDEN: Final = ("crit", "b64", "jku", "x5u", "jwk", "x5c", "zip", "cty")
"""Keys that the token brings along, and extensions that change what is signed."""

_TYPE: Final = re.compile(r"(?:application/)?jwt", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is taken from a header: which of the issuer's keys and algorithms to try, nothing more."""

    algorithm: str
    key_id: str | None


def read_header(unverified_header: Mapping[str, Json]) -> Header:
    """Check a header by itself; whether the issuer uses this algorithm is not checked.

    Raises:
        Refused: `unsupported-algorithm` for an `alg` that no issuer can have, else `malformed-token`.
    """
    algorithm = unverified_header.get("alg")
    if not isinstance(algorithm, str):
        raise Refused(Reason.UNSUPPORTED_ALGORITHM, "the token's header names no alg")
    if algorithm not in SCHEMES:
        raise unsupported(algorithm)
    for name in _FORBIDDEN:
        if name in unverified_header:
            raise Refused(Reason.MALFORMED_TOKEN, f"the token's header holds {name}, which is not accepted")
    kind = unverified_header.get("typ", "JWT")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise Refused(Reason.MALFORMED_TOKEN, "the token's header has a typ other than JWT")
    return Header(algorithm=algorithm, key_id=_key_id(unverified_header))


def unsupported(algorithm: str) -> Refused:
    """Return the refusal of an `alg`, the same for one that nobody may use and one that this issuer does not."""
    return Refused(Reason.UNSUPPORTED_ALGORITHM, f"the token's alg {quoted(algorithm)} is not accepted")


def _key_id(unverified_header: Mapping[str, Json]) -> str | None:
    if "kid" not in unverified_header:
        return None
    key_id = unverified_header["kid"]
    if not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_CHARACTERS:
        raise Refused(
            Reason.MALFORMED_TOKEN,
            f"the token's header has a kid that is not a string of at most {MAX_KEY_ID_CHARACTERS} characters",
        )
    return key_id

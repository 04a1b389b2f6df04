"""A token before anything in it is verified: its compact serialization and its header.

Source: RFC 7515 section 7.1 (compact serialization); RFC 8725 sections 3.1, 3.5 and 3.10 (header).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.keys import MAX_KEY_ID_CHARACTERS, SCHEMES
from token_exchange.core.ports import Json, RawToken
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.strict_json import NotStrictJson, parse_object

_MAX_TOKEN_CHARACTERS: Final = 16 * 1024
"""Checked before anything is decoded, since a token is anonymous input."""

_SEGMENTS: Final = 3
_OBJECT_START: Final = re.compile(rb'[ \t\r\n]*+\{[ \t\r\n]*+"')


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedToken:
    """A well-formed token. Nothing in it is verified: its sender may have chosen every value."""

    raw_token: RawToken = field(repr=False)
    unverified_header: Mapping[str, Json] = field(repr=False)
    unverified_claims: Mapping[str, Json] = field(repr=False)
    signed_part: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def unverified_issuer(self) -> str | None:
        """The `iss` claim, of any length, or None if it is not a string."""
        issuer = self.unverified_claims.get("iss")
        return issuer if isinstance(issuer, str) else None

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the raw token, which identifies it in records."""
        return hashlib.sha256(self.raw_token.encode("ascii")).hexdigest()

    @property
    def signed_part_sha256(self) -> str:
        """The hex SHA-256 of header and payload.

        ECDSA signatures are malleable: a second valid signature changes the token's hash, but not this one.
        """
        return hashlib.sha256(self.signed_part).hexdigest()


def read_compact(raw_token: str) -> UnverifiedToken:
    """Parse a token: check its size, its three segments, and the JSON objects in the first two.

    The header's rules, the signature and the claims are not checked.

    Raises:
        Refused: `token-too-large` or `malformed-token`.
    """
    # Before anything is decoded: anyone can send megabytes.
    if len(raw_token) > _MAX_TOKEN_CHARACTERS:
        raise Refused(Reason.TOKEN_TOO_LARGE, f"the token has more than {_MAX_TOKEN_CHARACTERS} characters")
    try:
        octets = raw_token.encode("ascii")
    except UnicodeEncodeError:
        raise _malformed("it contains a character that is not ASCII") from None
    # Five segments are an encrypted token (JWE), two an unsecured one; neither has a signature to verify.
    segments = octets.count(b".") + 1
    if segments != _SEGMENTS:
        raise _malformed(f"expected {_SEGMENTS} segments, found {segments}")
    header, payload, signature = octets.split(b".")
    return UnverifiedToken(
        raw_token=RawToken(raw_token),
        unverified_header=_object(header, "header"),
        unverified_claims=_object(payload, "payload"),
        signed_part=octets[: -len(signature) - 1],
        signature=_decoded(signature, "signature"),
    )


def starts_like_header(segment: str) -> bool:
    """Return whether base64url characters decode to the start of a JSON object with a member.

    Leading white space is allowed, as a JSON parser allows it. This is a heuristic that distinguishes a token
    in a string from a host name; it does not show that the string is a token.
    """
    whole = segment if len(segment) % 4 != 1 else segment[:-1]
    octets = base64.urlsafe_b64decode(whole + "==")
    return _OBJECT_START.match(octets) is not None


def _object(segment: bytes, name: str) -> dict[str, Json]:
    try:
        return parse_object(_decoded(segment, name))
    except NotStrictJson as error:
        raise _malformed(f"its {name} is not strict JSON: {error}") from None


def _decoded(segment: bytes, name: str) -> bytes:
    """Return the octets of `segment`, which must be their only encoding (RFC 7515 section 2).

    A token must have exactly one encoding. Padding, white space, the other alphabet or unused trailing bits would
    give a used token another hash, and so a second use.
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
"""Keys that the token supplies itself (RFC 8725 section 3.10), and extensions that change what is signed.

A verifier that follows `jku`, `x5u` or `jwk` uses the attacker's key: CVE-2018-0114.
"""

_TYPE: Final = re.compile(r"(?:application/)?jwt", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The only two members of a header that are used: they select one of the issuer's keys and algorithms."""

    algorithm: str
    key_id: str | None


def read_header(unverified_header: Mapping[str, Json]) -> Header:
    """Check a header; whether the issuer may use its algorithm is not checked.

    Raises:
        Refused: `unsupported-algorithm` for an `alg` that no issuer can have, else `malformed-token`.
    """
    algorithm = unverified_header.get("alg")
    if not isinstance(algorithm, str):
        raise Refused(Reason.UNSUPPORTED_ALGORITHM, "the token's header has no alg")
    # `none` and HS256 with the public key as secret (CVE-2015-9235): neither is in the list (RFC 8725 section 2.1).
    if algorithm not in SCHEMES:
        raise unsupported(algorithm)
    for name in _FORBIDDEN:
        if name in unverified_header:
            raise Refused(Reason.MALFORMED_TOKEN, f"the token's header has {name}, which is not accepted")
    # A token that the issuer signed for another purpose, such as `logout+jwt` (RFC 8725 section 3.11).
    kind = unverified_header.get("typ", "JWT")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise Refused(Reason.MALFORMED_TOKEN, "the token's header has a typ other than JWT")
    return Header(algorithm=algorithm, key_id=_key_id(unverified_header))


def unsupported(algorithm: str) -> Refused:
    """Return the refusal of an `alg`: the same text whether no issuer may use it or only this one does not."""
    return Refused(Reason.UNSUPPORTED_ALGORITHM, f"the token's alg {quoted(algorithm)} is not accepted")


def _key_id(unverified_header: Mapping[str, Json]) -> str | None:
    if "kid" not in unverified_header:
        return None
    key_id = unverified_header["kid"]
    # RFC 8725 section 3.10: `kid` is input from the sender. It is compared, and never used as a path or a query.
    if not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_CHARACTERS:
        raise Refused(
            Reason.MALFORMED_TOKEN,
            f"the token's header has a kid that is not a string of at most {MAX_KEY_ID_CHARACTERS} characters",
        )
    return key_id

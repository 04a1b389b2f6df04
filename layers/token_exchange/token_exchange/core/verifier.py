"""Verifies a token, in this order. Cheap checks come first: a token for another service must cause no traffic.

1. its compact form and size, before anything is decoded             `read_compact`
2. its header: an asymmetric algorithm, no key of the token's own     `read_header`
3. `iss` and `aud`, which together choose the entry                   `trust.choose_entry`
4. the entry's algorithms                                             `chosen_trust`
5. a key of that issuer, bound to one algorithm                       `keys.KeySet.find`
6. the signature                                                      `keys.require_signature`
7. times, subject and `jti`                                           `trust.verify_claims`

The claims of the CI system are not interpreted here; see `identity` and `decision`. No step does I/O: keys come through
`KeyFinder`. Source: RFC 7515 section 7.1 (compact serialization); RFC 8725 sections 3.1, 3.5 and 3.10 (header).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256
from typing import Final, Protocol

from token_exchange.core.attempt import Attempt
from token_exchange.core.jwk import MAX_KEY_ID_CHARACTERS, SCHEMES, VerificationKey
from token_exchange.core.keys import BadSignature, require_signature
from token_exchange.core.ports import Deadline, Json, RawToken
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange.core.trust import IssuersByUrl, IssuerTrust, SignedToken, VerifiedToken, choose_entry, verify_claims

_MAX_TOKEN_CHARACTERS: Final = 16 * 1024
"""Checked before anything is decoded, since a token is anonymous input."""

_SEGMENTS: Final = 3


@record
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
    def signed_part_sha256(self) -> str:
        """The hex SHA-256 of header and payload.

        ECDSA signatures are malleable: a second valid signature changes the token's hash, but not this one.
        """
        return sha256(self.signed_part).hexdigest()


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


@record
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
    """Return the refusal of an `alg`: the same text whether no issuer may use it or only this one may not."""
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


def chosen_trust(unverified: UnverifiedToken, issuers: IssuersByUrl) -> tuple[Header, IssuerTrust]:
    """Return the header of a token and its issuer entry, after every check that needs no key.

    Raises:
        Refused: `malformed-token`, `unsupported-algorithm`, `unknown-issuer` or `wrong-audience`.
    """
    header = read_header(unverified.unverified_header)
    trust = choose_entry(unverified.unverified_claims, issuers)
    # 4. The policy decides which algorithms are allowed, never the token (RFC 8725 section 3.1).
    if header.algorithm not in trust.algorithms:
        raise unsupported(header.algorithm)
    return header, trust


@record
class FoundKey:
    """The key that a token names; `is_latest` says that fetching the key set again could not return another one."""

    key: VerificationKey
    is_latest: bool


class KeyFinder(Protocol):
    """Finds an issuer's keys."""

    def find(self, trust: IssuerTrust, *, key_id: str | None, algorithm: str, deadline: Deadline) -> FoundKey:
        """Return the key of this issuer for a token with this `kid` and `alg`.

        Raises:
            Refused: `unknown-key` if the issuer is known to publish no such key, `issuer-unavailable` if that is not
                known, or `deadline-exceeded`.
        """

    def find_rotated_key(
        self, trust: IssuerTrust, rejected: FoundKey, *, key_id: str | None, deadline: Deadline
    ) -> VerificationKey | None:
        """Return the key that replaced `rejected` under the same `kid`, or None if the issuer has none."""


class Verifier:
    """Verifies tokens with the keys that `keys` finds."""

    def __init__(self, keys: KeyFinder) -> None:
        self._keys = keys

    def verify(
        self, unverified: UnverifiedToken, *, issuers: IssuersByUrl, now: float, attempt: Attempt
    ) -> VerifiedToken:
        """Verify header, issuer, audience, key, signature, times and subject, and return the verified token.

        `now` is in seconds since the epoch. `attempt` gets the token once its signature is verified.

        Raises:
            Refused: for the first check that fails.
        """
        header, trust = chosen_trust(unverified, issuers)
        self._prove_signature(unverified, header, trust, attempt)
        # Recorded before the times are checked: the record of an expired token says whose it is.
        attempt.token = SignedToken(
            trust=trust, claims=unverified.unverified_claims, signed_part_sha256=unverified.signed_part_sha256
        )
        return verify_claims(attempt.token, now=now)

    def _prove_signature(
        self, unverified: UnverifiedToken, header: Header, trust: IssuerTrust, attempt: Attempt
    ) -> None:
        # 5. Keys of this entry only: a key of another issuer must never verify its tokens (RFC 8725 section 3.8).
        with attempt.measure("keys"):
            found = self._keys.find(trust, key_id=header.key_id, algorithm=header.algorithm, deadline=attempt.deadline)
        # 6. The signature, with that key and its one algorithm.
        try:
            require_signature(found.key, signed_part=unverified.signed_part, signature=unverified.signature)
        except BadSignature:
            # Some issuers replace a key and keep its id: a bad signature may only mean that the cached key is stale.
            with attempt.measure("keys"):
                rotated = self._keys.find_rotated_key(trust, found, key_id=header.key_id, deadline=attempt.deadline)
            if rotated is None:
                raise
            require_signature(rotated, signed_part=unverified.signed_part, signature=unverified.signature)

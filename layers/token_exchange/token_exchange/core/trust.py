"""Which issuers are trusted, which issuer entry a token is for, and the registered claims that every token has.

Source: RFC 7519 section 4.1 (registered claims), RFC 8725 sections 3.8 to 3.10 (issuer, subject and audience).
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, quoted


@record
class Discovered:
    """Keys found by OpenID Connect Discovery under the issuer's URL.

    `keys_host` is the host that must serve the key set, with a port if it is not 443. None means the issuer's own
    host and port.
    """

    keys_host: str | None = None


@record
class Published:
    """Keys at a URL in the policy; no discovery document is fetched."""

    jwks_url: str


@record
class Pinned:
    """Keys in the policy itself; nothing is fetched."""

    keys: KeySet


type KeySource = Discovered | Published | Pinned


@record
class IssuerTrust:
    """What an issuer entry says about verifying its tokens; `policy.Issuer` is the whole entry.

    `url` is the exact `iss`. `algorithms` are JWS names in order of preference. Times are in whole seconds.
    """

    entry: str
    url: str
    audiences: frozenset[str]
    algorithms: tuple[str, ...]
    leeway_seconds: int
    max_lifetime_seconds: int
    keys: KeySource
    ca_bundle: str | None = field(default=None, repr=False)


@record
class SignedToken:
    """A token with a valid signature by the issuer of `trust`, for one of its audiences.

    Its times are not checked, and its other claims are not interpreted. `signed_part_sha256` is the hex SHA-256 of its
    header and payload, which identifies a token without `jti`.
    """

    trust: IssuerTrust
    claims: Mapping[str, Json]
    signed_part_sha256: str

    @property
    def token_id(self) -> str | None:
        """The `jti` claim, or None if it is not a string."""
        token_id = self.claims.get("jti")
        return token_id if isinstance(token_id, str) else None


@record
class VerifiedToken(SignedToken):
    """A signed token whose times, subject and `jti` are checked too; `expires_at` is in seconds since the epoch.

    Which claims the provider must send, and what they allow, is decided later.
    """

    expires_at: float


type IssuersByUrl = Mapping[str, Sequence[IssuerTrust]]
"""Issuer entries by exact `iss`; entries with the same `iss` have disjoint audiences."""


def choose_entry(unverified_claims: Mapping[str, Json], issuers: IssuersByUrl) -> IssuerTrust:
    """Return the entry whose URL is the token's `iss` and whose audiences include every `aud` of the token.

    Both are compared byte for byte: brokers that ignored a trailing slash or case accepted other issuers.

    Raises:
        Refused: `unknown-issuer` or `wrong-audience`.
    """
    issuer = unverified_claims.get("iss")
    if not isinstance(issuer, str):
        raise Refused(Reason.UNKNOWN_ISSUER, "the token names no issuer: iss is not a string")
    entries = issuers.get(issuer)
    if not entries:
        raise Refused(Reason.UNKNOWN_ISSUER, f"the token's issuer {quoted(issuer)} is not accepted by this service")
    # Every audience, not one of them: another recipient of the token could send it here (RFC 8725 section 3.9).
    audiences = _audiences(unverified_claims.get("aud"))
    for entry in entries:
        if audiences <= entry.audiences:
            return entry
    named = ", ".join(quoted(audience) for audience in sorted(audiences)[:3])
    raise Refused(Reason.WRONG_AUDIENCE, f"the token's aud must name only this service, found {named}")


def _audiences(claim: Json) -> set[str]:
    members = claim if isinstance(claim, list) else [claim]
    audiences = {member for member in members if isinstance(member, str)}
    # Without this check, a token with an empty aud would be for every entry: the empty set is a subset of any set.
    if not audiences or not all(isinstance(member, str) for member in members):
        raise Refused(Reason.WRONG_AUDIENCE, "the token's aud is neither a string nor a list of strings")
    return audiences


def verify_claims(signed: SignedToken, *, now: float) -> VerifiedToken:
    """Check times, subject and `jti`, and return the verified token; `now` is in seconds since the epoch.

    Raises:
        Refused: as `check_claims`.
    """
    return VerifiedToken(
        trust=signed.trust,
        claims=signed.claims,
        signed_part_sha256=signed.signed_part_sha256,
        expires_at=check_claims(signed.claims, trust=signed.trust, now=now),
    )


def check_claims(claims: Mapping[str, Json], *, trust: IssuerTrust, now: float) -> float:
    """Check `exp`, `iat`, `nbf`, `sub` and `jti` (RFC 7519 section 4.1) at the time `now`, and return `exp`.

    The leeway allows for the difference between two clocks, so it applies to `now` and not between two claims. Without
    it, valid tokens are refused: GitHub's clock and AWS's differ by seconds. A claim that is `null` counts as absent.

    Raises:
        Refused: `missing-claim`, `invalid-claim`, `expired`, `not-yet-valid` or `lifetime-too-long`.
    """
    # Without exp a leaked token would be valid forever; without iat its lifetime cannot be limited.
    for name in ("exp", "iat", "sub"):
        if claims.get(name) is None:
            raise Refused(Reason.MISSING_CLAIM, f"the token has no {name}")
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    not_before = issued_at if claims.get("nbf") is None else _time(claims, "nbf")
    # RFC 8725 section 3.8. Audit records and some presets identify the run by `sub`, and single use the token by `jti`.
    _require_string(claims, "sub")
    if claims.get("jti") is not None:
        _require_string(claims, "jti")
    # An issuer that signs such a token is broken, and its other times cannot be relied on either.
    if expires_at <= issued_at:
        raise Refused(Reason.INVALID_CLAIM, "the token's exp is not after its iat")
    if expires_at <= not_before:
        raise Refused(Reason.INVALID_CLAIM, "the token's exp is not after its nbf")
    # RFC 7519 sections 4.1.4 and 4.1.5: a token that leaked from an old log is worthless.
    if expires_at + trust.leeway_seconds <= now:
        raise Refused(Reason.EXPIRED, "the token has expired")
    if max(issued_at, not_before) - trust.leeway_seconds > now:
        raise Refused(Reason.NOT_YET_VALID, "the token is not valid yet")
    # The longer a token is valid, the more a leaked one is worth.
    if expires_at - issued_at > trust.max_lifetime_seconds:
        raise Refused(Reason.LIFETIME_TOO_LONG, "the token's lifetime exceeds the maximum of its issuer entry")
    return float(expires_at)


def _time(claims: Mapping[str, Json], name: str) -> int | float:
    value = claims[name]
    # In Python a boolean is an int, and many languages read a numeric string as a number.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(Reason.INVALID_CLAIM, f"the token's {name} is not a number")
    return value


def _require_string(claims: Mapping[str, Json], name: str) -> None:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise Refused(Reason.INVALID_CLAIM, f"the token's {name}: expected a non-empty string")

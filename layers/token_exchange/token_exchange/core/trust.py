"""Which issuers are trusted, which entry a token is for, and the claims that every token must have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """Keys found by OpenID Connect Discovery under the issuer's URL.

    `keys_host` is the host, with a port where it is not 443, on which the key set must lie. None is the issuer's
    own host and port.
    """

    keys_host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Keys at a URL that the policy names; discovery is never contacted."""

    jwks_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """Keys that the policy holds; nothing is ever contacted."""

    keys: KeySet


type KeySource = Discovered | Published | Pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerTrust:
    """One issuer entry: whose tokens, for which audiences, under which limits.

    `url` is the exact `iss`. `algorithms` are JWS names in order of preference. Times are whole seconds.
    """

    entry: str
    url: str
    audiences: frozenset[str]
    algorithms: tuple[str, ...]
    leeway_seconds: int
    max_lifetime_seconds: int
    keys: KeySource
    ca_bundle: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedToken:
    """A token that the issuer of `trust` has signed for one of its audiences.

    Its claims are the issuer's words. Whether they are still good, and what they mean, has not been looked at.
    """

    trust: IssuerTrust
    claims: Mapping[str, Json]
    sha256: str
    signed_part_sha256: str

    @property
    def token_id(self) -> str | None:
        """The `jti`, where it is a text."""
        token_id = self.claims.get("jti")
        return token_id if isinstance(token_id, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """A token whose signature, issuer, audience and times have been proven against `trust`.

    Proven is what the issuer says, nothing more: which claims the provider must send, and what they allow, is
    decided later. `expires_at` is `exp` in seconds since the epoch, `token_id` is `jti`. `sha256` is the hex
    SHA-256 of the raw token, `signed_part_sha256` that of its header and payload, by which a token without `jti`
    is told from others.
    """

    trust: IssuerTrust
    claims: Mapping[str, Json]
    expires_at: float
    token_id: str | None
    sha256: str
    signed_part_sha256: str


type IssuersByUrl = Mapping[str, Sequence[IssuerTrust]]
"""Entries by exact `iss`; those that share one have disjoint audiences."""


def choose_entry(unverified_claims: Mapping[str, Json], issuers: IssuersByUrl) -> IssuerTrust:
    """Return the entry whose URL is the token's `iss` and among whose audiences are all of its `aud`.

    Both are compared byte for byte. A token that is also for somebody else is refused: that somebody could
    have been handed it, and could send it here.

    Raises:
        Refused: `unknown-issuer` or `wrong-audience`.
    """
    issuer = unverified_claims.get("iss")
    if not isinstance(issuer, str):
        raise Refused(Reason.UNKNOWN_ISSUER, "the token names no issuer: iss is not a string")
    entries = issuers.get(issuer)
    if not entries:
        raise Refused(Reason.UNKNOWN_ISSUER, f"the token's issuer {quoted(issuer)} is not one of this service's")
    audiences = _audiences(unverified_claims.get("aud"))
    for entry in entries:
        if audiences <= entry.audiences:
            return entry
    named = ", ".join(quoted(audience) for audience in sorted(audiences)[:3])
    raise Refused(Reason.WRONG_AUDIENCE, f"the token is not for this service alone: its aud is {named}")


def _audiences(claim: Json) -> set[str]:
    members = claim if isinstance(claim, list) else [claim]
    audiences = {member for member in members if isinstance(member, str)}
    if not audiences or not all(isinstance(member, str) for member in members):
        raise Refused(Reason.WRONG_AUDIENCE, "the token names no audience: aud is neither a string nor a list of them")
    return audiences


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClaims:
    """What the checks found: when the token ends, in seconds since the epoch, and its `jti` where it has one."""

    expires_at: float
    token_id: str | None


def check_claims(claims: Mapping[str, Json], *, trust: IssuerTrust, now: float) -> RegisteredClaims:
    """Check `exp`, `iat`, `nbf`, `sub` and `jti` (RFC 7519 section 4.1) at the time `now`.

    The leeway is for the distance between two clocks, so it holds against `now` alone and not between claims.
    A claim that is `null` counts as absent.

    Raises:
        Refused: `missing-claim`, `invalid-claim`, `expired`, `not-yet-valid` or `lifetime-too-long`.
    """
    for name in ("exp", "iat", "sub"):
        if claims.get(name) is None:
            raise Refused(Reason.MISSING_CLAIM, f"the token has no {name}")
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    not_before = issued_at if claims.get("nbf") is None else _time(claims, "nbf")
    _require_text(claims, "sub")
    token_id = None if claims.get("jti") is None else _require_text(claims, "jti")
    if expires_at <= issued_at:
        raise Refused(Reason.INVALID_CLAIM, "the token's exp is not after its iat")
    if expires_at <= not_before:
        raise Refused(Reason.INVALID_CLAIM, "the token's exp is not after its nbf")
    if expires_at + trust.leeway_seconds <= now:
        raise Refused(Reason.EXPIRED, "the token has expired")
    if max(issued_at, not_before) - trust.leeway_seconds > now:
        raise Refused(Reason.NOT_YET_VALID, "the token is not valid yet")
    if expires_at - issued_at > trust.max_lifetime_seconds:
        raise Refused(Reason.LIFETIME_TOO_LONG, "the token lives longer than its issuer's entry allows")
    return RegisteredClaims(expires_at=float(expires_at), token_id=token_id)


def _time(claims: Mapping[str, Json], name: str) -> int | float:
    value = claims[name]
    # A boolean is an int to Python, and text that looks like a number is one to many a language.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(Reason.INVALID_CLAIM, f"the token's {name} is not a number")
    return value


def _require_text(claims: Mapping[str, Json], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise Refused(Reason.INVALID_CLAIM, f"the token's {name} is not a text, or an empty one")
    return value

"""The claims that every token must have, whoever its issuer: its times and its subject."""

from collections.abc import Mapping
from dataclasses import dataclass

from token_exchange.ports import Json
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.verify.trust import IssuerTrust


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

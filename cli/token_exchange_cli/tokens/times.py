"""The times of a token, for people: who reads seconds since 1970?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from token_exchange.core.ports import Json

_NAMES: Final = {"iat": "issued_at", "nbf": "not_before", "exp": "expires_at"}


def time_fields(claims: Mapping[str, Json], *, now: float) -> dict[str, Json]:
    """Return when a token was issued, is valid from and ends, as far as its claims are times.

    `expires_in_seconds` is from `now`, and negative where it is over.
    """
    fields: dict[str, Json] = {}
    for claim, name in _NAMES.items():
        if (text := _spelled(claims.get(claim))) is not None:
            fields[name] = text
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if "expires_at" in fields and isinstance(expires_at, int | float):
        if "issued_at" in fields and isinstance(issued_at, int | float):
            fields["lifetime_seconds"] = int(expires_at - issued_at)
        fields["expires_in_seconds"] = int(expires_at - now)
    return fields


def _spelled(value: Json) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # a year that no calendar here has
        return None

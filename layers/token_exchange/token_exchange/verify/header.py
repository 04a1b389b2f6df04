"""The rules of a token's header (RFC 8725 sections 3.1, 3.5 and 3.10): what it may ask for is next to nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from token_exchange.ports import Json
from token_exchange.quoting import quoted
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.verify.algorithms import SCHEMES
from token_exchange.verify.jwk import MAX_KEY_ID_CHARACTERS

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

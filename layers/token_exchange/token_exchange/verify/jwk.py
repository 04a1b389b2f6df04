"""One key as an issuer publishes it (RFC 7517), bound to the one algorithm it may be used with."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from token_exchange.ports import Json
from token_exchange.verify.algorithms import Scheme

type PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MAX_KEY_ID_CHARACTERS: Final = 256

_MIN_RSA_BITS: Final = 2048
_MAX_RSA_BITS: Final = 16384  # what OpenSSL agrees to verify with
_MIN_RSA_EXPONENT: Final = 65537
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2."""
_CURVES: Final[Mapping[str, EllipticCurve]] = {"P-256": SECP256R1(), "P-384": SECP384R1(), "P-521": SECP521R1()}
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


class UnusableKey(ValueError):
    """One key cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """A public key that verifies signatures of one algorithm and no other."""

    key_id: str | None
    algorithm: str
    public_key: PublicKey


def load_key(entry: Json, schemes: Sequence[Scheme]) -> VerificationKey:
    """Return the key that `entry` holds, for the first of `schemes` that it may be used with.

    Raises:
        UnusableKey: it is broken, weak, private, symmetric, for encryption, or fits none of `schemes`.
    """
    if not isinstance(entry, dict):
        raise UnusableKey("not an object")
    key_id = _key_id(entry)
    _require_public(entry)
    _require_for_signatures(entry)
    scheme = _bind(entry, schemes)
    try:
        public_key = _public_key(entry, scheme)
    except (ValueError, UnsupportedAlgorithm) as error:
        # UnusableKey passes through with its own text; the rest is what cryptography says of the numbers.
        raise UnusableKey(str(error) or type(error).__name__) from error
    return VerificationKey(key_id=key_id, algorithm=scheme.name, public_key=public_key)


def _key_id(entry: Mapping[str, Json]) -> str | None:
    if "kid" not in entry:
        return None
    key_id = entry["kid"]
    if not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_CHARACTERS:
        raise UnusableKey(f"kid is not a string of at most {MAX_KEY_ID_CHARACTERS} characters")
    return key_id


def _require_public(entry: Mapping[str, Json]) -> None:
    if entry.get("kty") == "oct":
        raise UnusableKey("a symmetric key")
    if not _SECRET_MEMBERS.isdisjoint(entry):
        raise UnusableKey("a private key; its issuer has published it and must replace it")


def _require_for_signatures(entry: Mapping[str, Json]) -> None:
    if "use" in entry and entry["use"] != "sig":
        raise UnusableKey("use is not sig")
    operations = entry.get("key_ops")
    if "key_ops" in entry and not (isinstance(operations, list) and "verify" in operations):
        raise UnusableKey("key_ops is not a list with verify in it")


def _bind(entry: Mapping[str, Json], schemes: Sequence[Scheme]) -> Scheme:
    """Return the one algorithm of the issuer's that `entry` may be used with.

    A key that served two would let whoever writes the token's header choose between them.
    """
    fitting = [
        scheme
        for scheme in schemes
        if entry.get("kty") == scheme.key_type and (not scheme.curve or entry.get("crv") == scheme.curve)
    ]
    if not fitting:
        raise UnusableKey("kty and crv fit none of the issuer's algorithms")
    if "alg" not in entry:
        return fitting[0]
    for scheme in fitting:
        if entry["alg"] == scheme.name:
            return scheme
    raise UnusableKey("alg is none of the issuer's algorithms that fit kty and crv")


def _public_key(entry: Mapping[str, Json], scheme: Scheme) -> PublicKey:
    match scheme.key_type:
        case "RSA":
            return _rsa_key(modulus=_number(entry, "n"), exponent=_number(entry, "e"))
        case "EC":
            return _curve_key(_CURVES[scheme.curve], x=_number(entry, "x"), y=_number(entry, "y"))
        case "OKP":
            return Ed25519PublicKey.from_public_bytes(_number(entry, "x"))
        case unknown:
            assert_never(unknown)


def _rsa_key(*, modulus: bytes, exponent: bytes) -> RSAPublicKey:
    # A leading zero byte is not an error: some Java issuers write a big integer's sign (seen from Jenkins).
    numbers = RSAPublicNumbers(e=int.from_bytes(exponent), n=int.from_bytes(modulus))
    bits = numbers.n.bit_length()
    if not _MIN_RSA_BITS <= bits <= _MAX_RSA_BITS:
        raise UnusableKey(f"RSA of {bits} bits, expected {_MIN_RSA_BITS} to {_MAX_RSA_BITS}")
    if numbers.e < _MIN_RSA_EXPONENT:
        raise UnusableKey(f"an RSA exponent under {_MIN_RSA_EXPONENT}")
    return numbers.public_key()


def _curve_key(curve: EllipticCurve, *, x: bytes, y: bytes) -> EllipticCurvePublicKey:
    if len(x) != len(y):
        raise UnusableKey("x and y are not of one length")
    # SEC 1 section 2.3.4: 04 and both coordinates. Refuses other lengths, and points off the curve.
    return EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _number(entry: Mapping[str, Json], name: str) -> bytes:
    text = entry.get(name)
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise UnusableKey(f"{name} is not base64url")
    return base64.urlsafe_b64decode(text + "==")  # what padding there is too much is ignored

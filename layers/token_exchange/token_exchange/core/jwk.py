"""One key of a JWK set: whether it is usable, and for which algorithm.

Source: RFC 7517 (JWK), RFC 7518 (algorithms), RFC 8037 (EdDSA), RFC 8725 sections 3.1 to 3.5.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from functools import cache
from math import isqrt
from types import MappingProxyType
from typing import Final, Literal, assert_never

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
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

from token_exchange.core.ports import Json
from token_exchange.core.record import record

type KeyType = Literal["RSA", "EC", "OKP"]


@record
class Scheme:
    """One algorithm of RFC 7518 section 3.1 or RFC 8037: its name, the `kty` and `crv` of its keys, its implementation.

    `curve` is empty for RSA, whose keys have no `crv`.
    """

    name: str
    key_type: KeyType
    curve: str
    implementation: Algorithm


def _rsa(name: str, implementation: Algorithm) -> Scheme:
    return Scheme(name=name, key_type="RSA", curve="", implementation=implementation)


def _ec(name: str, curve: str, implementation: Algorithm) -> Scheme:
    return Scheme(name=name, key_type="EC", curve=curve, implementation=implementation)


SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType(
    {
        scheme.name: scheme
        for scheme in (
            _rsa("RS256", RSAAlgorithm(RSAAlgorithm.SHA256)),
            _rsa("RS384", RSAAlgorithm(RSAAlgorithm.SHA384)),
            _rsa("RS512", RSAAlgorithm(RSAAlgorithm.SHA512)),
            _rsa("PS256", RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256)),
            _rsa("PS384", RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384)),
            _rsa("PS512", RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512)),
            _ec("ES256", "P-256", ECAlgorithm(ECAlgorithm.SHA256, SECP256R1)),
            _ec("ES384", "P-384", ECAlgorithm(ECAlgorithm.SHA384, SECP384R1)),
            _ec("ES512", "P-521", ECAlgorithm(ECAlgorithm.SHA512, SECP521R1)),
            Scheme(name="EdDSA", key_type="OKP", curve="Ed25519", implementation=OKPAlgorithm()),
        )
    }
)
"""The algorithms that an issuer may use, by name.

`none` and `HS*` must never be added. With `HS*`, the public key would be the secret that anyone can sign with
(CVE-2015-9235, RFC 8725 section 2.1).
"""

type PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MAX_KEY_ID_CHARACTERS: Final = 256
_MIN_RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

_MAX_RSA_BITS: Final = 8192
"""The limit of Go's crypto/tls since CVE-2023-29409. A key of 16,384 bits takes 3 ms for each signature."""

_MIN_RSA_EXPONENT: Final = 65537
"""FIPS 186-5 appendix A.1.1. Small exponents made forged signatures possible: CVE-2006-4339."""

_MAX_RSA_EXPONENT: Final = 2**31 - 1
"""The limit of Go's crypto/rsa. An exponent as long as the modulus takes sixty times as long as 65537."""

_ROCA_PRIMES: Final = tuple(
    number for number in range(3, 702, 2) if all(number % divisor for divisor in range(3, isqrt(number) + 1, 2))
)
"""The odd primes up to 701; see `_has_roca_fingerprint`."""

_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""The private members of a JWK: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2."""

_CURVES: Final[Mapping[str, EllipticCurve]] = {"P-256": SECP256R1(), "P-384": SECP384R1(), "P-521": SECP521R1()}
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


class UnusableKey(ValueError):
    """One key cannot be used; the message says why."""


@record
class VerificationKey:
    """A public key that verifies signatures of exactly one algorithm."""

    key_id: str | None
    algorithm: str
    public_key: PublicKey


def load_key(entry: Json, schemes: Sequence[Scheme]) -> VerificationKey:
    """Return the key in `entry`, bound to the first of `schemes` that it can be used with.

    Raises:
        UnusableKey: it is malformed, weak, private, symmetric, for encryption, or fits none of `schemes`.
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
        # An UnusableKey keeps its own message; other errors are cryptography's, about the numbers.
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
    # Anyone can read a published key. If it is the secret itself, anyone can sign with it.
    if entry.get("kty") == "oct":
        raise UnusableKey("a symmetric key")
    if not _SECRET_MEMBERS.isdisjoint(entry):
        raise UnusableKey("a private key; its issuer has published it and must replace it")


def _require_for_signatures(entry: Mapping[str, Json]) -> None:
    # RFC 7517 sections 4.2 and 4.3: a key for another use may have been generated and kept under other rules.
    if "use" in entry and entry["use"] != "sig":
        raise UnusableKey("use is not sig")
    operations = entry.get("key_ops")
    if "key_ops" in entry and not (isinstance(operations, list) and "verify" in operations):
        raise UnusableKey("key_ops is not a list that contains verify")


def _bind(entry: Mapping[str, Json], schemes: Sequence[Scheme]) -> Scheme:
    """Return the one algorithm of the issuer that `entry` can be used with (RFC 8725 section 3.1).

    If a key could be used with two algorithms, the sender of a token would choose between them.
    """
    fitting = [
        scheme
        for scheme in schemes
        if entry.get("kty") == scheme.key_type and (not scheme.curve or entry.get("crv") == scheme.curve)
    ]
    if not fitting:
        raise UnusableKey("kty and crv match none of the issuer's algorithms")
    if "alg" not in entry:
        return fitting[0]
    for scheme in fitting:
        if entry["alg"] == scheme.name:
            return scheme
    raise UnusableKey("alg is none of the issuer's algorithms for this kty and crv")


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
    # A leading zero byte is accepted: some Java issuers encode the sign of a big integer (Jenkins does).
    numbers = RSAPublicNumbers(e=int.from_bytes(exponent), n=int.from_bytes(modulus))
    bits = numbers.n.bit_length()
    if not _MIN_RSA_BITS <= bits <= _MAX_RSA_BITS:
        raise UnusableKey(f"an RSA key of {bits} bits, expected {_MIN_RSA_BITS} to {_MAX_RSA_BITS}")
    if numbers.e < _MIN_RSA_EXPONENT:
        raise UnusableKey(f"an RSA exponent under {_MIN_RSA_EXPONENT}")
    if numbers.e > _MAX_RSA_EXPONENT:
        raise UnusableKey(f"an RSA exponent over {_MAX_RSA_EXPONENT}")
    # A product of two odd primes is odd: this is no RSA key, and 2 is a factor.
    if numbers.n % 2 == 0:
        raise UnusableKey("an RSA modulus that is even")
    if _has_roca_fingerprint(numbers.n):
        raise UnusableKey("an RSA key that can be factored (ROCA, CVE-2017-15361); its issuer must replace it")
    return numbers.public_key()


def _has_roca_fingerprint(modulus: int) -> bool:
    """Return whether Infineon's library generated `modulus`, so that it can be factored (CVE-2017-15361).

    Both of its primes are k·M + (65537^a mod M), where M is the product of the first primes: 126 of them, up to 701,
    for a modulus of 1,984 bits, and no fewer for longer ones. So the modulus is a power of 65537 modulo each of these
    primes. That is true of one ordinary modulus in 2^167.

    Source: Nemec and others, "The Return of Coppersmith's Attack: Practical Factorization of Widely Used RSA Moduli",
    CCS 2017, sections 2.1 and 2.2.
    """
    return all(modulus % prime in _powers_of_65537(prime) for prime in _ROCA_PRIMES)


@cache
def _powers_of_65537(prime: int) -> frozenset[int]:
    powers = {1}
    power = 65537 % prime
    while power not in powers:
        powers.add(power)
        power = power * 65537 % prime
    return frozenset(powers)


def _curve_key(curve: EllipticCurve, *, x: bytes, y: bytes) -> EllipticCurvePublicKey:
    if len(x) != len(y):
        raise UnusableKey("x and y differ in length")
    # SEC 1 section 2.3.4: 04 and both coordinates. This rejects points off the curve (RFC 8725 section 3.4).
    return EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _number(entry: Mapping[str, Json], name: str) -> bytes:
    text = entry.get(name)
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise UnusableKey(f"{name} is not base64url")
    return base64.urlsafe_b64decode(text + "==")  # excess padding is ignored

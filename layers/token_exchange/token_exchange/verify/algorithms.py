"""The JWS algorithms that an issuer may use: asymmetric ones alone, each with the only keys that fit it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

type KeyType = Literal["RSA", "EC", "OKP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One algorithm of RFC 7518 section 3.1 or RFC 8037: its name, its keys' `kty` and `crv`, and who verifies it.

    `curve` is empty for RSA, whose keys have none.
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
"""By name. `none` and `HS*` are absent for good: with them a public key would be a secret to sign with."""

"""An issuer's signing keys, kept in files so that tokens stay valid after a restart."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, assert_never

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from sandbox.state import make_folder, write_private

type Algorithm = Literal["RS256", "ES256", "ES384"]
type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key, its id and its public half as a JWK (RFC 7517)."""

    algorithm: Algorithm
    key: PrivateKey = field(repr=False)
    key_id: str
    public_jwk: Mapping[str, object]

    def sign(self, claims: Mapping[str, object], *, header: Mapping[str, object] | None = None) -> str:
        """Return a JWT; `header` adds to or replaces `typ`, `alg` and `kid`."""
        return jwt.encode(
            dict(claims), self.key, algorithm=self.algorithm, headers={"kid": self.key_id, **(header or {})}
        )


class KeyRing:
    """The keys of one issuer, oldest first: the last one signs, and all are published."""

    def __init__(self, folder: Path, *, name: str, algorithm: Algorithm) -> None:
        self._folder = make_folder(folder)
        self._name = name
        self._algorithm = algorithm
        self._keys = [_signing_key(_load(path), algorithm) for path in self._files()]
        if not self._keys:
            self.rotate()

    @property
    def current(self) -> SigningKey:
        """The current signing key."""
        return self._keys[-1]

    def published(self) -> list[Mapping[str, object]]:
        """Return the public keys, newest first."""
        return [key.public_jwk for key in reversed(self._keys)]

    def rotate(self, *, keep_previous: bool = True) -> SigningKey:
        """Sign with a new key; the previous ones stay published, or are withdrawn."""
        number = 1 + max((int(path.name.split(".")[1]) for path in self._files()), default=0)
        key = _generate(self._algorithm)
        write_private(
            self._folder / f"{self._name}.{number}.pem",
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
        if not keep_previous:
            for path in self._files()[:-1]:
                path.unlink()
            self._keys = []
        # One assignment, so that a concurrent request sees either the old list or the new one.
        self._keys = [*self._keys, _signing_key(key, self._algorithm)]
        return self.current

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._name}.*.pem"), key=lambda path: int(path.name.split(".")[1]))


def _generate(algorithm: Algorithm) -> PrivateKey:
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            assert_never(algorithm)


def _load(path: Path) -> PrivateKey:
    # It was written here. To look for its primes' flaws again takes as long as making a key.
    key = load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError(f"expected an RSA or elliptic curve key in {path}, found another kind")
    return key


def _signing_key(key: PrivateKey, algorithm: Algorithm) -> SigningKey:
    public = key.public_key()
    jwk: dict[str, object] = (
        dict(RSAAlgorithm.to_jwk(public, as_dict=True))
        if isinstance(public, rsa.RSAPublicKey)
        else dict(ECAlgorithm.to_jwk(public, as_dict=True))
    )
    jwk.pop("key_ops", None)
    key_id = _thumbprint(jwk)
    return SigningKey(
        algorithm=algorithm,
        key=key,
        key_id=key_id,
        public_jwk={**jwk, "kid": key_id, "use": "sig", "alg": algorithm},
    )


def _thumbprint(jwk: Mapping[str, object]) -> str:
    """Return the key's thumbprint, RFC 7638: its required members in lexical order, hashed."""
    required = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()

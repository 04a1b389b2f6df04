"""A CI system that signs real tokens and serves real documents through the fetching port.

It rotates, lies, hangs, fails and counts, as it is told.
"""

import base64
import functools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.fake_clock import NOW
from token_exchange.core.jwk import SCHEMES
from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Json
from token_exchange.core.trust import Discovered, IssuerTrust, KeySource, Pinned
from token_exchange.issuer_keys.origins import FetchFailed
from token_exchange.issuer_keys.store import KeysFrom

AUDIENCE = "https://ecr.acme.example"
ISSUER = "https://ci.acme.example"

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@functools.cache
def private_key(algorithm: str, number: int = 0, *, rsa_bits: int = 2048, rsa_exponent: int = 65537) -> PrivateKey:
    """Return a key for `algorithm`, made once for all tests; `number` tells several apart."""
    scheme = SCHEMES[algorithm]
    if scheme.key_type == "RSA":
        # One pair serves all the RSA algorithms: making it is slow.
        return _rsa_key(number, rsa_bits, rsa_exponent)
    if scheme.key_type == "EC":
        curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[scheme.curve]
        return ec.generate_private_key(curve)
    return ed25519.Ed25519PrivateKey.generate()


@functools.cache
def _rsa_key(number: int, bits: int, exponent: int) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(exponent, bits)


def jwk(algorithm: str, key: PrivateKey, **members: Json) -> dict[str, Json]:
    """Return the public half of `key` as an issuer publishes it, `members` on top; None leaves one out."""
    published: dict[str, Json] = {
        **SCHEMES[algorithm].implementation.to_jwk(key.public_key(), as_dict=True),
        "use": "sig",
        "alg": algorithm,
    }
    published.pop("key_ops", None)
    published.update(members)
    return {name: value for name, value in published.items() if value is not None}


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def compact(header: bytes, payload: bytes, signature: bytes) -> str:
    return ".".join((encode(header), encode(payload), encode(signature)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    key_id: str | None
    algorithm: str = "RS256"
    private: PrivateKey = field(repr=False)

    def published(self) -> dict[str, Json]:
        return jwk(self.algorithm, self.private, kid=self.key_id)

    def sign(self, header: Mapping[str, Json], claims: Mapping[str, Json]) -> str:
        """Return a token over exactly these, whatever the header says."""
        return self.sign_octets(json.dumps(header).encode(), json.dumps(claims).encode())

    def sign_octets(self, header: bytes, payload: bytes) -> str:
        signed_part = f"{encode(header)}.{encode(payload)}"
        signature = SCHEMES[self.algorithm].implementation.sign(signed_part.encode(), self.private)
        return f"{signed_part}.{encode(signature)}"


class FakeIssuer:
    """Fulfils `Fetcher` for its own two documents."""

    def __init__(self, url: str = ISSUER, *, algorithm: str = "RS256") -> None:
        self.url = url
        self.discovery_url = f"{url.removesuffix('/')}/.well-known/openid-configuration"
        self.jwks_url = f"{url.removesuffix('/')}/keys"
        self.signing_key = SigningKey(key_id="key-0", algorithm=algorithm, private=private_key(algorithm))
        self.published: list[dict[str, Json]] = [self.signing_key.published()]
        self.documents: dict[str, bytes | Exception] = {}
        """Said instead of the truth, by URL."""
        self.fetched: list[str] = []
        self.timeouts_seconds: list[float] = []
        self.gate: threading.Event | None = None
        """When set, each fetch waits for it."""
        self.entered = threading.Semaphore(0)
        """Released when a fetch begins to wait."""

    def rotate(self, *, key_id: str = "key-1", keep_old: bool = False) -> None:
        """Sign with a new key from now on."""
        number = 1 if self.signing_key.private is private_key(self.signing_key.algorithm) else 0
        algorithm = self.signing_key.algorithm
        self.signing_key = SigningKey(key_id=key_id, algorithm=algorithm, private=private_key(algorithm, number))
        self.published = [*(self.published if keep_old else []), self.signing_key.published()]

    def fail(self) -> None:
        self.documents[self.jwks_url] = FetchFailed("connection refused")

    def recover(self) -> None:
        self.documents.clear()

    def claims(self, **changes: Json) -> dict[str, Json]:
        """Return the claims of a good token; a change to None leaves the claim out."""
        claims: dict[str, Json] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:acme/app:ref:refs/heads/main",
            "iat": int(NOW) - 60,
            "nbf": int(NOW) - 60,
            "exp": int(NOW) + 240,
            "jti": "3f0e",
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changes: Json) -> dict[str, Json]:
        header: dict[str, Json] = {"alg": self.signing_key.algorithm, "kid": self.signing_key.key_id, "typ": "JWT"}
        header.update(changes)
        return {name: value for name, value in header.items() if value is not None}

    def token(self, *, header: Mapping[str, Json] | None = None, **claims: Json) -> str:
        """Return a token signed with the present key."""
        return self.signing_key.sign(header or self.header(), self.claims(**claims))

    def key_set(self) -> bytes:
        return json.dumps({"keys": self.published}).encode()

    def discovery(self, **changes: Json) -> bytes:
        return json.dumps({"issuer": self.url, "jwks_uri": self.jwks_url, **changes}).encode()

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        del ca_bundle
        self.fetched.append(url)
        self.timeouts_seconds.append(timeout_seconds)
        if self.gate is not None:
            self.entered.release()
            assert self.gate.wait(timeout=30), "a test forgot to open the gate"
        truth = {self.discovery_url: self.discovery(), self.jwks_url: self.key_set()}
        answer = self.documents.get(url) or truth.get(url) or FetchFailed(f"no such page: {url}")
        if isinstance(answer, Exception):
            raise answer
        assert len(answer) <= max_bytes
        return answer

    def trust(
        self,
        *,
        entry: str = "ci",
        audiences: Sequence[str] = (AUDIENCE,),
        algorithms: tuple[str, ...] | None = None,
        keys: KeySource | None = None,
        max_lifetime_seconds: int = 3600,
    ) -> IssuerTrust:
        return IssuerTrust(
            entry=entry,
            url=self.url,
            audiences=frozenset(audiences),
            algorithms=algorithms or (self.signing_key.algorithm,),
            leeway_seconds=60,
            max_lifetime_seconds=max_lifetime_seconds,
            keys=keys or Discovered(),
        )

    def pinned_trust(self) -> IssuerTrust:
        """Return trust that holds the present keys and never asks for others."""
        keys = KeySet.parse(self.key_set(), algorithms=(self.signing_key.algorithm,))
        return self.trust(keys=Pinned(keys=keys))


class FakeNetwork:
    """Fulfils `Fetcher` for several issuers."""

    def __init__(self, *issuers: FakeIssuer) -> None:
        self._issuers = issuers

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        for issuer in self._issuers:
            if url.startswith(issuer.url):
                return issuer.fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)
        raise FetchFailed(f"no such host: {url}")


class RecordedKeyEvents:
    """Fulfils `KeyEvents` by remembering."""

    def __init__(self) -> None:
        self.refreshes: list[tuple[str, int]] = []
        self.failures: list[tuple[str, Exception]] = []
        self.left_out: list[tuple[str, str]] = []
        self.stale: list[tuple[str, float]] = []
        self.sources: list[tuple[KeysFrom, float]] = []
        self.damped: list[str] = []
        self.shared_failures: list[tuple[str, Exception]] = []

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        self.refreshes.append((entry, keys))
        self.sources.append((source, age_seconds))

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        self.failures.append((entry, cause))

    def key_left_out(self, entry: str, *, why: str) -> None:
        self.left_out.append((entry, why))

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        self.stale.append((entry, age_seconds))

    def unknown_key_damped(self, entry: str) -> None:
        self.damped.append(entry)

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        self.shared_failures.append((entry, cause))

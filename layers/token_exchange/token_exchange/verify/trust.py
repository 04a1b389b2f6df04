"""What the policy says of one trusted issuer, as far as verifying a token needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from token_exchange.ports import Json
from token_exchange.verify.keys import KeySet


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

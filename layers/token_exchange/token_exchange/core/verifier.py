"""Verifies a token: the order of the checks.

Cheap checks come first, so that a token for another service causes no traffic to its issuer:

1. its compact form and size, before anything is decoded             `token.read_compact`
2. its header: an asymmetric algorithm, no key of the token's own     `token.read_header`
3. `iss` and `aud`, which together choose the entry                   `trust.choose_entry`
4. the entry's algorithms                                             here
5. a key of that issuer, bound to one algorithm                       `keys.KeySet.find`
6. the signature                                                      `keys.require_signature`
7. times, subject and `jti`                                           `trust.check_claims`

The claims of the CI system are not interpreted here; see `identity` and `decision`. No step does I/O: keys come through
`KeyFinder`.
"""

from dataclasses import dataclass
from typing import Protocol

from token_exchange.core.attempt import Attempt
from token_exchange.core.keys import BadSignature, VerificationKey, require_signature
from token_exchange.core.ports import Deadline
from token_exchange.core.token import Header, UnverifiedToken, read_header, unsupported
from token_exchange.core.trust import IssuersByUrl, IssuerTrust, SignedToken, VerifiedToken, check_claims, choose_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """The key that a token names; `is_latest` says that fetching the key set again could not return another one."""

    key: VerificationKey
    is_latest: bool


class KeyFinder(Protocol):
    """Finds an issuer's keys."""

    def find(self, trust: IssuerTrust, *, key_id: str | None, algorithm: str, deadline: Deadline) -> FoundKey:
        """Return the key of this issuer for a token with this `kid` and `alg`.

        Raises:
            Refused: `unknown-key` if the issuer is known to publish no such key, `issuer-unavailable` if that is not
                known, or `deadline-exceeded`.
        """
        ...

    def find_rotated_key(
        self, trust: IssuerTrust, rejected: FoundKey, *, key_id: str | None, deadline: Deadline
    ) -> VerificationKey | None:
        """Return the key that replaced `rejected` under the same `kid`, or None if the issuer has none."""
        ...


class Verifier:
    """Turns an unverified token into a verified one, or refuses it."""

    def __init__(self, keys: KeyFinder) -> None:
        self._keys = keys

    def verify(
        self, unverified: UnverifiedToken, *, issuers: IssuersByUrl, now: float, attempt: Attempt
    ) -> VerifiedToken:
        """Verify header, issuer, audience, key, signature, times and subject, and return the verified token.

        `now` is in seconds since the epoch.

        Raises:
            Refused: for the first check that fails.
        """
        return in_time(self.signed(unverified, issuers=issuers, attempt=attempt), now=now)

    def signed(self, unverified: UnverifiedToken, *, issuers: IssuersByUrl, attempt: Attempt) -> SignedToken:
        """Verify header, issuer, audience, key and signature, and return the signed token.

        Raises:
            Refused: for the first check that fails.
        """
        header, trust = chosen_trust(unverified, issuers)
        self._prove_signature(unverified, header, trust, attempt)
        return SignedToken(
            trust=trust,
            claims=unverified.unverified_claims,
            sha256=unverified.sha256,
            signed_part_sha256=unverified.signed_part_sha256,
        )

    def _prove_signature(
        self, unverified: UnverifiedToken, header: Header, trust: IssuerTrust, attempt: Attempt
    ) -> None:
        # Keys of this entry only: a key of another issuer must never verify its tokens (RFC 8725 section 3.8).
        with attempt.measure("keys"):
            found = self._keys.find(trust, key_id=header.key_id, algorithm=header.algorithm, deadline=attempt.deadline)
        try:
            require_signature(found.key, signed_part=unverified.signed_part, signature=unverified.signature)
        except BadSignature:
            # Some issuers replace a key and keep its id: a bad signature may only mean that the cached key is stale.
            with attempt.measure("keys"):
                rotated = self._keys.find_rotated_key(trust, found, key_id=header.key_id, deadline=attempt.deadline)
            if rotated is None:
                raise
            require_signature(rotated, signed_part=unverified.signed_part, signature=unverified.signature)


def in_time(signed: SignedToken, *, now: float) -> VerifiedToken:
    """Check times, subject and `jti`, and return the verified token; `now` is in seconds since the epoch.

    Raises:
        Refused: for the first check that fails.
    """
    registered = check_claims(signed.claims, trust=signed.trust, now=now)
    return VerifiedToken(
        trust=signed.trust,
        claims=signed.claims,
        expires_at=registered.expires_at,
        token_id=registered.token_id,
        sha256=signed.sha256,
        signed_part_sha256=signed.signed_part_sha256,
    )


def chosen_trust(unverified: UnverifiedToken, issuers: IssuersByUrl) -> tuple[Header, IssuerTrust]:
    """Return the header of a token and its issuer entry, after every check that needs no key.

    Raises:
        Refused: `malformed-token`, `unsupported-algorithm`, `unknown-issuer` or `wrong-audience`.
    """
    header = read_header(unverified.unverified_header)
    trust = choose_entry(unverified.unverified_claims, issuers)
    # The policy decides which algorithms are allowed, never the token (RFC 8725 section 3.1).
    if header.algorithm not in trust.algorithms:
        raise unsupported(header.algorithm)
    return header, trust

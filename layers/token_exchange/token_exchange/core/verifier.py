"""The order in which a token is verified; each step is a module of its own."""

from token_exchange.core.attempt import Timings
from token_exchange.core.keys import BadSignature, require_signature
from token_exchange.core.ports import Deadline
from token_exchange.core.token import Header, UnverifiedToken, read_header, unsupported
from token_exchange.core.trust import IssuersByUrl, IssuerTrust, SignedToken, VerifiedToken, check_claims, choose_entry
from token_exchange.issuer_keys.store import KeyStore


class Verifier:
    """Makes a verified token of an unverified one, or refuses it."""

    def __init__(self, key_store: KeyStore) -> None:
        self._key_store = key_store

    def verify(
        self,
        unverified: UnverifiedToken,
        *,
        issuers: IssuersByUrl,
        now: float,
        deadline: Deadline,
        timings: Timings,
    ) -> VerifiedToken:
        """Return the token once header, issuer, audience, key, signature, times and subject have been proven.

        What costs nothing comes first, so that a token that is not for us causes no traffic. `now` is in seconds
        since the epoch. What the provider's claims mean, and what they allow, is not looked at.

        Raises:
            Refused: for the first of these that does not hold.
        """
        return in_time(self.signed(unverified, issuers=issuers, deadline=deadline, timings=timings), now=now)

    def signed(
        self, unverified: UnverifiedToken, *, issuers: IssuersByUrl, deadline: Deadline, timings: Timings
    ) -> SignedToken:
        """Return the token once header, issuer, audience, key and signature have been proven.

        Raises:
            Refused: for the first of these that does not hold.
        """
        header, trust = chosen_trust(unverified, issuers)
        self._prove_signature(unverified, header, trust, deadline=deadline, timings=timings)
        return SignedToken(
            trust=trust,
            claims=unverified.unverified_claims,
            sha256=unverified.sha256,
            signed_part_sha256=unverified.signed_part_sha256,
        )

    def _prove_signature(
        self, unverified: UnverifiedToken, header: Header, trust: IssuerTrust, *, deadline: Deadline, timings: Timings
    ) -> None:
        with timings.measure("keys"):
            found = self._key_store.find(trust, key_id=header.key_id, algorithm=header.algorithm, deadline=deadline)
        try:
            require_signature(found.key, signed_part=unverified.signed_part, signature=unverified.signature)
        except BadSignature:
            with timings.measure("keys"):
                other = self._key_store.find_replacement(trust, found, key_id=header.key_id, deadline=deadline)
            if other is None:
                raise
            require_signature(other, signed_part=unverified.signed_part, signature=unverified.signature)


def in_time(signed: SignedToken, *, now: float) -> VerifiedToken:
    """Return the token once its times and its subject have been proven; `now` is in seconds since the epoch.

    Raises:
        Refused: for the first of these that does not hold.
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
    """Return the header of a token and the entry that it is for, by all that can be said before a key is looked up.

    Raises:
        Refused: `malformed-token`, `unsupported-algorithm`, `unknown-issuer` or `wrong-audience`.
    """
    header = read_header(unverified.unverified_header)
    trust = choose_entry(unverified.unverified_claims, issuers)
    if header.algorithm not in trust.algorithms:
        raise unsupported(header.algorithm)
    return header, trust

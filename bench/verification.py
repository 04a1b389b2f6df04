"""Verifying a token against PyJWT's own decode of it, and what tokens cost that are not good."""

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jwt

from bench.figures import Figure, Part
from bench.policies import AUDIENCE, claims_of, policy_of
from bench.sampling import medians, seconds_in_turns
from sandbox.quiet_events import QuietEvents
from sandbox.signing_keys import KeyRing
from token_exchange.adapters.settings import SystemClock
from token_exchange.core.attempt import Attempt
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.verifier import Verifier, read_compact
from token_exchange.issuer_keys.store import KeyStore
from token_exchange.loading.load import load_policy

if TYPE_CHECKING:
    from jwt.types import Options

LIMIT: Final = 1.0
ISSUER: Final = "https://token.actions.githubusercontent.com"


def measure(folder: Path, *, rounds: int) -> Part:
    """Return how many times as long verifying takes as PyJWT, and refusing as verifying."""
    ring = KeyRing(folder / "verification", name="issuer", algorithm="RS256")
    now = int(time.time())
    good = ring.current.sign(claims_of(ISSUER, now=now, changes={}))
    foreign = ring.current.sign(claims_of("https://ci.example", now=now, changes={}))
    forged = f"{good.rpartition('.')[0]}.{foreign.rpartition('.')[2]}"
    junk = {
        "noise": (secrets.token_urlsafe(len(good))[: len(good)], Reason.MALFORMED_TOKEN),
        "another issuer's": (foreign, Reason.UNKNOWN_ISSUER),
        "a forged signature": (forged, Reason.BAD_SIGNATURE),
    }
    policy = load_policy(json.dumps(policy_of(1)).encode(), name="bench", read_file=None)
    verify = verification(policy, ring, now=now)
    calls = {"verify": lambda: verify(good), "jwt.decode": decoding(good, ring)}
    for name, (token, reason) in junk.items():
        calls[name] = _refusal(verify, token, reason)
    middle = medians(seconds_in_turns(calls, rounds=rounds, repeat=dict.fromkeys(calls, 20)))
    return Part(
        title="Verification",
        method=(
            "A GitHub token, signed with RS256 and a key of 2,048 bits that is cached in both cases; PyJWT checks "
            f"audience, issuer and the presence of the same claims. Medians of {rounds} samples of 20 each, "
            "interleaved."
        ),
        figures=(
            Figure(
                name="verification / jwt.decode", value=middle["verify"] / middle["jwt.decode"], unit="times",
                aim=LIMIT, limit=LIMIT,
            ),
            *(
                Figure(
                    name=f"refusing {name} / verification", value=middle[name] / middle["verify"], unit="times",
                    aim=1.0, limit=1.5,
                )
                for name in junk
            ),
            Figure(name="verification", value=middle["verify"] * 1e6, unit="µs"),
        ),
    )  # fmt: skip


class _Documents:
    """Implements `Fetcher` with an issuer's two documents from memory."""

    def __init__(self, ring: KeyRing) -> None:
        self._documents = {
            f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"},
            f"{ISSUER}/keys": {"keys": ring.published()},
        }

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        del ca_bundle, timeout_seconds, max_bytes
        return json.dumps(self._documents[url]).encode()


def verification(policy: Policy, ring: KeyRing, *, now: int) -> Callable[[str], object]:
    """Return what verifies a token of `ISSUER` at the second `now`, with the keys of `ring` in memory."""
    clock = SystemClock()
    verifier = Verifier(KeyStore(fetcher=_Documents(ring), clock=clock, events=QuietEvents()))

    def verify(raw_token: str) -> object:
        return verifier.verify(
            read_compact(raw_token),
            issuers=policy.issuers_by_url,
            now=float(now),
            attempt=Attempt(
                request_id="-",
                deadline=Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 5),
            ),
        )

    verify(ring.current.sign(claims_of(ISSUER, now=now, changes={})))
    return verify


def decoding(token: str, ring: KeyRing) -> Callable[[], object]:
    """Return PyJWT's own verification of `token`, with the audience, the issuer and the claims to require."""
    key = jwt.PyJWK.from_dict(dict(ring.current.public_jwk)).key
    required: Options = {"require": ["exp", "iat", "iss", "aud", "sub"]}
    return lambda: jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, options=required)


def _refusal(verify: Callable[[str], object], token: str, reason: Reason) -> Callable[[], object]:
    def refuse() -> object:
        try:
            return verify(token)
        except Refused as refused:
            return refused.reason

    assert refuse() is reason
    return refuse

"""Each part of an exchange that is our own code, compared with the bare check of a signature."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from jwt import PyJWK

from bench.figures import Figure, Part
from bench.policies import caller_of, claims_of, policy_of
from bench.sampling import medians, seconds_in_turns
from bench.verification import ISSUER, decoding, verification
from sandbox.signing_keys import KeyRing
from token_exchange.adapters.settings import SystemClock
from token_exchange.core.attempt import Attempt
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.ports import Deadline
from token_exchange.core.session import bounded_session
from token_exchange.core.trust import VerifiedToken
from token_exchange.loading.load import load_policy
from token_exchange.reporting.audit import AuditRecord

GRANTS: Final = 1000
_ASK: Final = AccessRequest(registries=("apps",))


def parts(folder: Path, *, now: int) -> Mapping[str, Callable[[], object]]:
    """Return the parts by name, each as something to call, among so many grants and with keys at hand."""
    ring = KeyRing(folder, name="parts", algorithm="RS256")
    token = ring.current.sign(claims_of(ISSUER, now=now, changes={}))
    policy = load_policy(json.dumps(policy_of(GRANTS)).encode(), name="bench", read_file=None)
    caller = caller_of(policy, {})
    granted = decide(policy, caller, _ASK)
    assert isinstance(granted, Granted)
    (award,) = granted.awards
    terms, reach = award.grant.terms, award.reach
    assert terms is not None
    assert reach is not None
    verify = verification(policy, ring, now=now)
    verified = verify(token)
    assert isinstance(verified, VerifiedToken)

    def audit() -> str:
        clock = SystemClock()
        attempt = Attempt(
            request_id="7d2f8e1c-0000-4000-8000-000000000000",
            deadline=Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 5),
        )
        attempt.policy, attempt.token, attempt.caller = policy, verified, caller
        record = AuditRecord(attempt=attempt)
        record.record_token_hash(token)
        return json.dumps(record.render())

    return {
        "signature, by cryptography": _signature_check(token, ring),
        "jwt.decode": decoding(token, ring),
        "verify": lambda: verify(token),
        "decide": lambda: decide(policy, caller, _ASK),
        "down-scope": lambda: bounded_session(award, terms, reach, caller, request_id="0" * 36, now=float(now)),
        "audit": audit,
    }


def _signature_check(token: str, ring: KeyRing) -> Callable[[], object]:
    key = PyJWK.from_dict(dict(ring.current.public_jwk)).key
    assert isinstance(key, RSAPublicKey)
    signed, _, encoded = token.rpartition(".")
    signature, message = urlsafe_b64decode(encoded + "=="), signed.encode()
    return lambda: key.verify(signature, message, PKCS1v15(), SHA256())


def measure(folder: Path, *, rounds: int) -> Part:
    """Return what each part takes, beside the check of the signature."""
    calls = parts(folder / "parts", now=int(time.time()))
    middle = medians(seconds_in_turns(calls, rounds=rounds, repeat=dict.fromkeys(calls, 20)))
    bare = middle.pop("signature, by cryptography")
    return Part(
        title="The parts of an exchange",
        method=(
            f"Each part separately, with cached keys and {GRANTS:,} grants, compared with only checking an RS256 "
            f"signature. Medians of {rounds} samples of 20 each, interleaved."
        ),
        figures=(
            *(
                Figure(name=f"{name} / check of the signature", value=spent / bare, unit="times")
                for name, spent in middle.items()
            ),
            Figure(name="check of the signature", value=bare * 1e6, unit="µs"),
        ),
    )

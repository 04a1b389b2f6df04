"""Attempts and records as a test needs them."""

from collections.abc import Mapping

from tests.fake_clock import FakeClock
from token_exchange.core.attempt import Attempt
from token_exchange.core.decision import AccessRequest, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Clock, Deadline, Json
from token_exchange.core.trust import IssuerTrust, SignedToken
from token_exchange.reporting.audit import AuditRecord

REQUEST_ID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"


def attempt_of(clock: Clock | None = None, *, request_id: str = REQUEST_ID, seconds: float = 10) -> Attempt:
    """Return an attempt of which nothing is known yet, with so many seconds left."""
    clock = clock or FakeClock()
    deadline = Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + seconds)
    return Attempt(request_id=request_id, deadline=deadline)


def signed_token(trust: IssuerTrust, claims: Mapping[str, Json]) -> SignedToken:
    """Return a token whose signature counts as proven."""
    return SignedToken(trust=trust, claims=claims, signed_part_sha256="b" * 64)


def record_of(policy: Policy, caller: Caller, request: AccessRequest) -> AuditRecord:
    """Return the record of a request that is decided."""
    record = record_of_caller(policy, caller)
    record.attempt.request, record.attempt.decision = request, decide(policy, caller, request)
    return record


def record_of_caller(policy: Policy, caller: Caller) -> AuditRecord:
    """Return the record of a caller who was identified, and about whom nothing is decided yet."""
    attempt = attempt_of()
    attempt.policy, attempt.caller = policy, caller
    attempt.token = signed_token(caller.issuer.trust, caller.claims)
    return AuditRecord(attempt=attempt)

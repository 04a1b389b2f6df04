"""The brake: deny rules that take effect within seconds, independently of the policy.

It can only refuse, and it fails closed: a brake that does not load, or that an environment has never been able to read,
refuses every exchange.
"""

from dataclasses import replace
from hashlib import sha256
from threading import Lock
from typing import Final, Protocol

from token_exchange.core.conditions import RawCondition
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.document import read_mapping
from token_exchange.loading.grants import read_deny
from token_exchange.loading.problems import PolicyUnusable, Problems
from token_exchange.loading.store import FIRST_POLICY_CHECK_TIMEOUT_SECONDS, POLICY_CHECK_TIMEOUT_SECONDS, PolicyStore

BRAKE_MAX_AGE_SECONDS: Final = 5.0
"""Until the next read, a leaked pipeline can still push; a read of one item costs milliseconds."""

RETRY_UNKNOWN_SECONDS: Final = 1.0
"""Every exchange is refused until the brake has been read."""


class BrakeUnreadable(Exception):
    """The brake could not be read; the message is for the log only."""


class BrakeSource(Protocol):
    """Where the brake is kept."""

    def read(self, deadline: Deadline, /) -> bytes | None:
        """Return the brake's document, or None if no brake is set.

        Raises:
            BrakeUnreadable: it could not be read by `deadline`.
        """
        ...


class BrakeEvents(Protocol):
    """Receives changes of the brake, for logs and metrics; its methods never raise."""

    def brake_changed(self, sha256: str | None, *, rules: int) -> None:
        """A brake with this SHA-256 and this number of rules is in force from now on; None means that there is none."""
        ...

    def brake_failed(self, cause: BrakeUnreadable | PolicyUnusable) -> None:
        """A check could not read the brake, or a request met a brake that does not load."""
        ...


@record
class _Applied:
    """The policy with the brake's rules, or why they do not load, for one pair of the two."""

    policy: Policy
    document: bytes
    braked: Policy | PolicyUnusable


class Brake:
    """The brake of one environment."""

    def __init__(self, *, source: BrakeSource, clock: Clock, events: BrakeEvents) -> None:
        self._source = source
        self._clock = clock
        self._events = events
        self._lock = Lock()
        self._is_known = False
        self._document: bytes | None = None
        self._checked_at: tuple[float, float] | None = None
        self._applied: _Applied | None = None

    def on(self, policy: Policy) -> Policy:
        """Return `policy` with the brake's deny rules; read the brake first if the last read is too old.

        Raises:
            Refused: `policy-unavailable` if the brake was never read or does not load.
        """
        if self._is_due() and self._lock.acquire(blocking=not self._is_known):
            try:
                if self._is_due():
                    self._check()
            finally:
                self._lock.release()
        if not self._is_known:
            raise Refused(Reason.POLICY_UNAVAILABLE, "the brake has not been read yet, so every exchange is refused")
        document = self._document
        return policy if document is None else self._with(policy, document)

    def _is_due(self) -> bool:
        if self._checked_at is None:
            return True
        # The monotonic clock may stop while an environment is frozen.
        wall, monotonic = self._checked_at
        age = self._clock.now() - wall
        pause = BRAKE_MAX_AGE_SECONDS if self._is_known else RETRY_UNKNOWN_SECONDS
        return age < 0 or max(age, self._clock.monotonic() - monotonic) >= pause

    def _check(self) -> None:
        self._checked_at = self._clock.now(), self._clock.monotonic()
        seconds = POLICY_CHECK_TIMEOUT_SECONDS if self._is_known else FIRST_POLICY_CHECK_TIMEOUT_SECONDS
        end = self._clock.monotonic() + seconds
        try:
            document = self._source.read(Deadline(clock=self._clock, at_monotonic_seconds=end))
        except BrakeUnreadable as cause:
            # The last brake stays in force: a failure of the table must not release it.
            self._events.brake_failed(cause)
            return
        is_released = self._is_known and document is None and self._document is not None
        self._is_known, self._document = True, document
        if is_released:
            self._applied = None
            self._events.brake_changed(None, rules=0)

    def _with(self, policy: Policy, document: bytes) -> Policy:
        applied = self._applied
        if applied is None or applied.policy is not policy or applied.document != document:
            applied = _Applied(policy=policy, document=document, braked=_loaded(policy, document))
            if isinstance(applied.braked, Policy):
                self._events.brake_changed(
                    applied.braked.brake_sha256, rules=len(applied.braked.deny) - len(policy.deny)
                )
            self._applied = applied
        if isinstance(applied.braked, PolicyUnusable):
            self._events.brake_failed(applied.braked)
            raise Refused(Reason.POLICY_UNAVAILABLE, "the brake is set but does not load") from applied.braked
        return applied.braked


@record
class BrakedPolicies:
    """The policy in force, with the brake's rules."""

    policies: PolicyStore
    brake: Brake

    def policy(self) -> Policy:
        """Return the policy that decides.

        Raises:
            Refused: `policy-unavailable` until a policy has loaded, and as long as the brake is not known.
        """
        return self.brake.on(self.policies.current().policy)


def _loaded(policy: Policy, document: bytes) -> Policy | PolicyUnusable:
    try:
        return with_brake(policy, document)
    except PolicyUnusable as cause:
        return cause


def with_brake(policy: Policy, document: bytes) -> Policy:
    """Return `policy` with the rules under `deny` in `document`, before its own.

    Raises:
        PolicyUnusable: with all problems of `document`.
    """
    problems = Problems(file=None)
    fields = read_mapping(document, problems)
    if fields is None:
        problems.raise_if_any()
        raise AssertionError("read_mapping returned None without a problem")
    rules = read_deny(fields, policy.issuers)
    fields.finish()
    problems.raise_if_any()
    claims = {each.path[0] for rule in rules for each in rule.conditions if isinstance(each, RawCondition)}
    return replace(
        policy,
        deny=(*rules, *policy.deny),
        claims_in_conditions=policy.claims_in_conditions | claims,
        brake_sha256=sha256(document).hexdigest(),
    )

"""One attempt at an exchange: what is known so far, how long its parts took, and its deadline."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Self

from token_exchange.core.decision import AccessRequest, Award, Decision
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Deadline, RoleRequest
from token_exchange.core.record import record
from token_exchange.core.refusals import Refused
from token_exchange.core.trust import SignedToken

type Part = Literal["verify", "keys", "decide", "state", "sts", "ecr", "secret", "total"]
"""A part of a request whose time is measured; the time for `keys` is also in that for `verify`."""


@record
class MintedLogin:
    """A login made with an assumed role: enough to find its session in CloudTrail, and no secret.

    `expires_at` is in seconds since the epoch. Ids are as AWS returned them.
    """

    award: Award
    request: RoleRequest
    expires_at: int
    assumed_role_id: str
    assumed_role_arn: str
    access_key_id: str
    packed_policy_percent: int | None
    sts_request_id: str | None
    ecr_request_id: str | None


@record
class ReadLogin:
    """A login read from a secret: which secret, but not its value."""

    award: Award
    secret_arn: str
    secret_request_id: str | None


@record
class FailedLogin:
    """A login that was granted but could not be made."""

    award: Award
    refused: Refused


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What is known about one request: each step adds to it, and it is recorded whatever the outcome.

    No field ever holds the token itself, a password or a key.
    """

    request_id: str
    deadline: Deadline
    unverified_issuer: str | None = None
    policy: Policy | None = None
    token: SignedToken | None = None
    caller: Caller | None = None
    request: AccessRequest | None = None
    decision: Decision | None = None
    logins: list[MintedLogin | ReadLogin | FailedLogin] = field(default_factory=list)
    _milliseconds: dict[Part, float] = field(default_factory=dict[Part, float], init=False, repr=False)
    _started: dict[Part, float] = field(default_factory=dict[Part, float], init=False, repr=False)

    @contextmanager
    def measure(self, part: Part) -> Iterator[None]:
        """Add the time spent in the `with` block to `part`, even if it ends with an exception."""
        clock = self.deadline.clock
        self._started[part] = clock.monotonic()
        try:
            yield
        finally:
            self._add(part, (clock.monotonic() - self._started.pop(part)) * 1000)

    def _add(self, part: Part, milliseconds: float) -> None:
        self._milliseconds[part] = self._milliseconds.get(part, 0.0) + milliseconds

    def for_login(self) -> Self:
        """Return an empty attempt with the same id and deadline, for one of several logins made at the same time."""
        return type(self)(request_id=self.request_id, deadline=self.deadline)

    def add_longest(self, others: Iterable[Self]) -> None:
        """Add the longest time that any of `others` spent in each part: they ran at the same time."""
        longest: dict[Part, float] = {}
        for other in others:
            for part, milliseconds in other.milliseconds().items():
                longest[part] = max(milliseconds, longest.get(part, 0.0))
        for part, milliseconds in longest.items():
            self._add(part, milliseconds)

    def milliseconds(self) -> Mapping[Part, float]:
        """Return what was measured so far, rounded to a microsecond; a part that has not ended counts until now."""
        # Copies: the thread of an abandoned call may still write.
        spent, now = self._milliseconds.copy(), self.deadline.clock.monotonic()
        for part, started in self._started.copy().items():
            spent[part] = spent.get(part, 0.0) + (now - started) * 1000
        return {part: round(milliseconds, 3) for part, milliseconds in spent.items()}

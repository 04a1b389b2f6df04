"""The core's ports: one small protocol for each external service that it uses.

Each has an adapter in `token_exchange.adapters` and a fake in the tests; both pass the same contract tests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from hashlib import sha256
from typing import Literal, NewType, Protocol

from token_exchange.core.record import record

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
"""A value as a JSON parser returns it."""

RawToken = NewType("RawToken", str)
"""A token in the compact form and of bounded size, made by `verifier.read_compact`.

A secret; nothing in it is proven.
"""

SessionPolicy = NewType("SessionPolicy", str)
"""A policy that limits one login and that STS accepts, made by `session.session_policy`."""


class Clock(Protocol):
    """Two clocks: the wall clock, and a monotonic clock."""

    def now(self) -> float:
        """Return the wall clock's time, in seconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds on a clock that is never corrected; it may stop while the environment is frozen."""


@record
class Deadline:
    """The moment, on the monotonic clock, by which a request must be answered."""

    clock: Clock
    at_monotonic_seconds: float

    def remaining_seconds(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at_monotonic_seconds - self.clock.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """Return the earlier of this deadline and `seconds` from now."""
        end = min(self.at_monotonic_seconds, self.clock.monotonic() + seconds)
        return Deadline(clock=self.clock, at_monotonic_seconds=end)


@record
class RoleRequest:
    """The parameters of `sts:AssumeRole`; see the STS API Reference for allowed characters and lengths."""

    role_arn: str
    session_name: str
    session_policy: SessionPolicy
    duration_seconds: int
    external_id: str | None
    source_identity: str | None
    tags: Mapping[str, str]

    @property
    def policy_sha256(self) -> str:
        """The hex SHA-256 of the session policy, which identifies it in records."""
        return sha256(self.session_policy.encode()).hexdigest()


@record
class RoleSession:
    """The credentials of an assumed role, and what the audit record says about them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    assumed_role_id: str
    assumed_role_arn: str
    packed_policy_percent: int | None
    request_id: str | None


class RoleAssumer(Protocol):
    """Assumes the role of a grant, bounded by the session policy."""

    def assume(self, request: RoleRequest) -> RoleSession:
        """Return the credentials of a new session.

        Raises:
            Refused: `role-refused`, `misconfigured`, `aws-throttled` or `aws-unavailable`.
            SessionTooLarge: the packed size of policy and tags exceeds STS's limit.
        """

    def assume_with_web_identity(self, request: RoleRequest, *, raw_token: RawToken) -> RoleSession:
        """Return the same, assumed with the CI job's own token, which STS checks, instead of the service's permissions.

        Raises:
            Refused: as `assume`; STS's own refusal of a token that we accepted is `role-refused` too.
        """


@record
class RegistryLogin:
    """A user name and password that a registry accepts until `expires_at` (seconds since the epoch)."""

    username: str
    password: str = field(repr=False)
    expires_at: float
    request_id: str | None


class RegistryAuthorizer(Protocol):
    """Requests logins from ECR with the credentials of an assumed role."""

    def authorize(self, session: RoleSession, *, region: str) -> RegistryLogin:
        """Return a login for the registries of `region`, requested with `session` and no other credentials.

        Raises:
            Refused: `registry-refused`, `misconfigured`, `aws-throttled` or `aws-unavailable`.
        """

    def authorize_public(self, session: RoleSession) -> RegistryLogin:
        """Return a login for ECR Public, requested with `session` and no other credentials.

        Raises:
            Refused: as `authorize`.
        """


@record
class StoredLogin:
    """A user name and password from a secret; they are valid until they are changed at the registry."""

    username: str
    password: str = field(repr=False)
    request_id: str | None


class StoredLogins(Protocol):
    """Reads logins that are stored in Secrets Manager."""

    def read(self, secret_arn: str) -> StoredLogin:
        """Return the login in the secret, read with the service's own permissions.

        Raises:
            Refused: `secret-refused`, `misconfigured`, `aws-throttled` or `aws-unavailable`.
        """


class Threads(Protocol):
    """Runs functions at the same time, each on its own thread, so that a request ends by its deadline."""

    def run[T](self, functions: Sequence[Callable[[], T]], *, deadline: Deadline) -> list[T | Exception]:
        """Return what each function returned or raised, in their order.

        For a function that has not ended by the deadline, this is `Refused` with `deadline-exceeded`. The function may
        continue, and its result is dropped.
        """


class StateUnavailable(Exception):
    """An operation on the state table failed; the message is for the log only."""


class UseMarks(Protocol):
    """Marks of used tokens, shared by all environments."""

    def set(self, mark: str, *, request_id: str, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Set `mark` for this request until `expires_at_seconds`; return False if another request has set it.

        Raises:
            StateUnavailable: it is not known whether the mark is set.
        """

    def release(self, mark: str, *, request_id: str, deadline: Deadline) -> None:
        """Remove `mark` if this request set it.

        Raises:
            StateUnavailable: the mark may still be set.
        """


type StateTask = Literal["spend", "release", "budget"]


class StateEvents(Protocol):
    """Receives failures of the state table, for logs and metrics; its methods never raise."""

    def state_failed(self, task: StateTask, *, cause: Exception) -> None:
        """The table failed to do `task`."""

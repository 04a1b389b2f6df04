"""Where the core meets the world: one small protocol for each thing it needs done.

Each has an adapter in `token_exchange.adapters` and a double in the tests, and both pass the same tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, NewType, Protocol

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
"""A value as a JSON parser yields it."""

RawToken = NewType("RawToken", str)
"""A token in the compact form and of bounded size, made by `token.read_compact`. A secret; nothing in it is proven."""

SessionPolicy = NewType("SessionPolicy", str)
"""A policy that bounds one login and that STS takes, made by `session.session_policy`."""


class Clock(Protocol):
    """Two clocks: one that says what time it is, one that never jumps."""

    def now(self) -> float:
        """Return the wall clock's time, in seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that no correction moves; it may stand still while frozen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment, on the monotonic clock, by which a request must be answered."""

    clock: Clock
    at_monotonic_seconds: float

    def remaining_seconds(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at_monotonic_seconds - self.clock.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """Return this deadline, or the one `seconds` from now where that is sooner."""
        end = min(self.at_monotonic_seconds, self.clock.monotonic() + seconds)
        return Deadline(clock=self.clock, at_monotonic_seconds=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRequest:
    """What `sts:AssumeRole` is asked: see its API reference for alphabets and lengths."""

    role_arn: str
    session_name: str
    session_policy: SessionPolicy
    duration_seconds: int
    external_id: str | None
    source_identity: str | None
    tags: Mapping[str, str]

    @property
    def policy_sha256(self) -> str:
        """The hex SHA-256 of the session policy, by which records speak of it."""
        return sha256(self.session_policy.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSession:
    """The credentials of an assumed role, and what the audit record says of them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    assumed_role_id: str
    assumed_role_arn: str
    packed_policy_percent: int | None
    request_id: str | None


class RoleAssumer(Protocol):
    """Assumes the role of a grant, bounded by the session policy."""

    def assume(self, request: RoleRequest, *, deadline: Deadline) -> RoleSession:
        """Return the credentials of a new session.

        Raises:
            Refused: `role-refused`, `misconfigured`, `aws-throttled`, `aws-unavailable` or `deadline-exceeded`.
            `SessionTooLarge` where policy and tags are larger than STS takes once they are packed.
        """
        ...

    def assume_with_web_identity(self, request: RoleRequest, *, raw_token: RawToken, deadline: Deadline) -> RoleSession:
        """Return the same, assumed with the CI job's own token, which STS checks, and not with the service's rights.

        Raises:
            Refused: as `assume`; STS's own refusal of a token that we accepted is `role-refused` too.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin:
    """A user name and password as they are kept in a secret; they end when somebody changes them."""

    username: str
    password: str = field(repr=False)
    request_id: str | None


class StoredLogins(Protocol):
    """Reads logins that are kept in Secrets Manager."""

    def read(self, secret_arn: str, *, deadline: Deadline) -> StoredLogin:
        """Return the login that the secret holds, read as the service itself.

        Raises:
            Refused: `secret-refused`, `misconfigured`, `aws-throttled`, `aws-unavailable` or `deadline-exceeded`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLogin:
    """A user name and password that a registry accepts until `expires_at` (seconds since the epoch)."""

    username: str
    password: str = field(repr=False)
    expires_at: float
    request_id: str | None


class StateUnavailable(Exception):
    """The state table did not do what it was asked; the text is for the log alone."""


class UseMarks(Protocol):
    """Marks of tokens that were spent, seen by every environment."""

    def set(self, mark: str, *, request_id: str, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Set `mark` for this request until then, and say whether it is this request's: no other had set it.

        Raises:
            StateUnavailable: whether it is set cannot be known.
        """
        ...

    def release(self, mark: str, *, request_id: str, deadline: Deadline) -> None:
        """Remove `mark` where it is this request's, and leave every other as it is.

        Raises:
            StateUnavailable: it may still be there.
        """
        ...


class BudgetCounts(Protocol):
    """Counts of exchanges, seen by every environment."""

    def add(self, count: str, *, most: int, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Add one to `count` unless it has reached `most`, and say whether it was added.

        Raises:
            StateUnavailable: whether it was added cannot be known.
        """
        ...


type StateTask = Literal["spend", "release", "budget"]


class StateEvents(Protocol):
    """Is told where the state table failed an exchange, for logs and metrics; never fails."""

    def state_failed(self, task: StateTask, *, cause: Exception) -> None:
        """The table did not do `task`."""
        ...


class RegistryAuthorizer(Protocol):
    """Asks ECR for a login with the credentials of an assumed role."""

    def authorize(self, session: RoleSession, *, region: str, deadline: Deadline) -> RegistryLogin:
        """Return a login for the registries of `region`, made with `session` and no other credentials.

        Raises:
            Refused: `registry-refused`, `aws-throttled`, `aws-unavailable` or `deadline-exceeded`.
        """
        ...

    def authorize_public(self, session: RoleSession, *, deadline: Deadline) -> RegistryLogin:
        """Return a login for ECR Public, made with `session` and no other credentials.

        Raises:
            Refused: as `authorize`.
        """
        ...

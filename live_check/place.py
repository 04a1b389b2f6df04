"""What a check needs of an account, whatever gives it: AWS itself, or in the tests the sandbox."""

from dataclasses import dataclass, field
from typing import Protocol

from live_check.issuer import ThrowAwayIssuer


class LiveCheckFailed(Exception):
    """The check cannot continue; the message says why, and contains no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the exchange runs, and two repositories of one registry, of which the policy grants only `own`."""

    exchange_url: str
    registry_url: str
    own: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A password that ECR gave out, and when it is meant to stop, in seconds since the epoch."""

    password: str = field(repr=False)
    ends_at: float


class OpenedSession(Protocol):
    """A role session made without the exchange, and a login made with it, for both repositories."""

    @property
    def login(self) -> Login:
        """The login; `ends_at` is the session's end."""

    def is_over(self) -> bool:
        """Tell whether AWS refuses the session's own credentials."""


class Account(Protocol):
    """An account in which things can be made and removed."""

    def create(self, issuer: ThrowAwayIssuer) -> Place:
        """Deploy the exchange with a policy that trusts `issuer`, and what the policy names.

        Raises:
            LiveCheckFailed: a resource could not be created.
        """

    def open_session(self) -> OpenedSession:
        """Assume a role for as short as AWS lets one.

        Raises:
            LiveCheckFailed: AWS refuses.
        """

    def remove(self) -> list[str]:
        """Remove whatever was made, also of a creation that failed half-way; return what is left, and why."""


class Clock(Protocol):
    """A clock that can wait."""

    def now(self) -> float:
        """Return the seconds since the epoch."""

    def wait_until(self, moment: float, *, why: str) -> None:
        """Return when `now()` is not before `moment`."""

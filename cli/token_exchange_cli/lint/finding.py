"""What the linter finds: where, what could happen, and what to write instead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from token_exchange.core.identity import Preset
from token_exchange.core.policy import Grant, Issuer, Policy
from token_exchange.loading.problems import Path, Place

type Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or dangerous. `message` says what could happen, `suggestion` what to write instead.

    `suggestion` is empty where the message says it already. `file` is where `path` stands in a policy that is a
    folder, if that is known. `place` is where it stands, if `path` cannot say it.
    """

    severity: Severity
    code: str
    path: Path
    message: str
    suggestion: str
    file: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The policy that is looked at, on the day on which it is."""

    policy: Policy
    today: date

    def grants(self) -> Iterator[tuple[Path, Grant]]:
        """Yield every grant with its path."""
        for place, grant in enumerate(self.policy.grants):
            yield ("grants", place), grant

    def issuers(self, grant: Grant) -> list[Issuer]:
        """Return the issuer entries of `grant`."""
        return [self.policy.issuers[name] for name in grant.issuers]

    def presets(self, grant: Grant) -> list[Preset]:
        """Return the presets of the issuers of `grant`."""
        return [issuer.preset for issuer in self.issuers(grant)]


type Rule = Callable[[Subject], Iterator[Finding]]


def warning(code: str, path: Path, message: str, suggestion: str) -> Finding:
    """Return a warning."""
    return Finding(severity="warning", code=code, path=path, message=message, suggestion=suggestion)

"""IAM policies as values, and the one question asked of them: may this principal do this to that?

Source: IAM User Guide, "Policy evaluation logic". What is not there: permission boundaries, organization policies
and policy variables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sandbox.aws.conditions import Condition, Context, matches


class Verdict(Enum):
    """What one policy says. Silence is a refusal, but a weaker one than `DENIED`."""

    ALLOWED = auto()
    DENIED = auto()
    SILENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`action` on `resource`, under the condition keys of the request."""

    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """The values of `Action` or `Resource`, or with `excluded` those of `NotAction` or `NotResource`."""

    values: tuple[str, ...]
    excluded: bool = False

    def cover(self, value: str, *, ignore_case: bool = False) -> bool:
        """Tell whether `value` is meant."""
        folded = value.lower() if ignore_case else value
        found = any(matches(pattern.lower() if ignore_case else pattern, folded) for pattern in self.values)
        return found != self.excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. `principals` is empty but in a trust policy; there `resources` is `*`."""

    allows: bool
    actions: Patterns
    resources: Patterns
    conditions: tuple[Condition, ...] = ()
    principals: tuple[str, ...] = ()

    def applies(self, ask: Ask) -> bool:
        """Tell whether the statement speaks of what is asked; whose it is has been settled before."""
        return (
            self.actions.cover(ask.action, ignore_case=True)
            and self.resources.cover(ask.resource)
            and all(condition.holds(ask.context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy that has been read; `text` is what was read."""

    statements: tuple[Statement, ...]
    text: str

    def says(self, ask: Ask, *, principals: Sequence[str] | None = None) -> Verdict:
        """Return the verdict; in a trust policy for a caller known by any of the names `principals`."""
        speaking = [
            statement
            for statement in self.statements
            if (principals is None or _names(statement, principals)) and statement.applies(ask)
        ]
        if any(not statement.allows for statement in speaking):
            return Verdict.DENIED
        return Verdict.ALLOWED if speaking else Verdict.SILENT


def _names(statement: Statement, principals: Sequence[str]) -> bool:
    return "*" in statement.principals or any(name in principals for name in statement.principals)


def verdict_of_all(policies: Sequence[Policy], ask: Ask) -> Verdict:
    """Return what policies say together that add up, as the identity policies of one role do."""
    said = {policy.says(ask) for policy in policies}
    if Verdict.DENIED in said:
        return Verdict.DENIED
    return Verdict.ALLOWED if Verdict.ALLOWED in said else Verdict.SILENT

"""IAM policies, and their evaluation for one request.

Source: IAM User Guide, "Policy evaluation logic". Not implemented: permissions boundaries, organization
policies and policy variables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sandbox.aws.conditions import Condition, Context, matches


class Decision(Enum):
    """IAM's answer to a request. An implicit deny means that no statement applies."""

    ALLOW = auto()
    EXPLICIT_DENY = auto()
    IMPLICIT_DENY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
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
        """Return whether the patterns match `value`."""
        folded = value.lower() if ignore_case else value
        found = any(matches(pattern.lower() if ignore_case else pattern, folded) for pattern in self.values)
        return found != self.excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. Only a trust policy has `principals`; its `resources` are `*`."""

    allows: bool
    actions: Patterns
    resources: Patterns
    conditions: tuple[Condition, ...] = ()
    principals: tuple[str, ...] = ()

    def applies(self, request: AuthorizationRequest) -> bool:
        """Return whether the statement matches the request. The caller checks the principal."""
        return (
            self.actions.cover(request.action, ignore_case=True)
            and self.resources.cover(request.resource)
            and all(condition.holds(request.context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A parsed policy, with its source `text`."""

    statements: tuple[Statement, ...]
    text: str

    def evaluate(self, request: AuthorizationRequest, *, principals: Sequence[str] | None = None) -> Decision:
        """Return the decision; in a trust policy, for a caller with any of the names `principals`."""
        applicable = [
            statement
            for statement in self.statements
            if (principals is None or _names(statement, principals)) and statement.applies(request)
        ]
        if any(not statement.allows for statement in applicable):
            return Decision.EXPLICIT_DENY
        return Decision.ALLOW if applicable else Decision.IMPLICIT_DENY


def _names(statement: Statement, principals: Sequence[str]) -> bool:
    return "*" in statement.principals or any(name in principals for name in statement.principals)


def combined_decision(policies: Sequence[Policy], request: AuthorizationRequest) -> Decision:
    """Return the decision of several policies together, such as the identity policies of one role."""
    decisions = {policy.evaluate(request) for policy in policies}
    if Decision.EXPLICIT_DENY in decisions:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if Decision.ALLOW in decisions else Decision.IMPLICIT_DENY

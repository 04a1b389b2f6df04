"""All rules, in the order in which their findings are shown."""

from collections.abc import Iterator
from typing import Final

from token_exchange.policy.reading.problems import Problem
from token_exchange_cli.lint.finding import Finding, Rule, Subject
from token_exchange_cli.lint.rules import deny, issuers, never, order, outsiders, patterns, pushing, repositories, terms

RULES: Final[tuple[Rule, ...]] = (
    *issuers.RULES,
    *deny.RULES,
    *pushing.RULES,
    *outsiders.RULES,
    *patterns.RULES,
    *repositories.RULES,
    *never.RULES,
    *order.RULES,
    *terms.RULES,
)


def warnings(subject: Subject) -> Iterator[Finding]:
    """Yield everything dangerous in a policy that loads."""
    for rule in RULES:
        yield from rule(subject)


def error(problem: Problem) -> Finding:
    """Return what keeps a policy from loading as a finding; what to write is what its message says was expected."""
    return Finding(
        severity="error",
        code=problem.code,
        path=problem.path,
        message=problem.message,
        file=problem.file,
        suggestion="mend it: the policy does not load, and the service goes on with the last one that did",
    )

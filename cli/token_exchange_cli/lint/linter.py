"""All rules, in the order in which their findings are shown."""

import re
from collections.abc import Iterator
from typing import Final

from token_exchange.loading.problems import Problem
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

_ADVICE: Final = re.compile("(.*?); ((?:quote it|write |did you mean |give one, ).*)", re.DOTALL)
"""A message that says what to write instead behind what is wrong."""


def warnings(subject: Subject) -> Iterator[Finding]:
    """Yield everything dangerous in a policy that loads."""
    for rule in RULES:
        yield from rule(subject)


def error(problem: Problem) -> Finding:
    """Return what keeps a policy from loading as a finding; where its message says what to write, that is apart."""
    found = _ADVICE.fullmatch(problem.message)
    message, advice = (problem.message, "") if found is None else (found[1], found[2])
    return Finding(
        severity="error",
        code=problem.code,
        path=problem.path,
        message=message,
        suggestion=advice,
        file=problem.file,
        place=problem.place,
    )

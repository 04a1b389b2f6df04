"""Spacelift: `space:SPACE:(stack|module):NAME:run_type:TYPE:scope:SCOPE`.

Source: Spacelift's page on OIDC; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import UNTRUSTED_RUNS, Subject, SubjectGrammar, part, says_something
from token_exchange_cli.subjects.iam_patterns import ANYTHING, Value

_RUN: Final = form(
    "space:<space>:<kind>:<name>:run_type:<event>:scope:<scope>",
    space="[^:]+",
    kind="stack|module",
    name="[^:]+",
    event="[^:]+",
    scope="[^:]+",
)

_SPACE: Final = form("space:<space>:*", space="[^:]+")

_MEMBERS_ONLY: Final = frozenset({"TRACKED", "TASK", "DESTROY"})
"""Types of runs that only members of the account can start."""


def _read(value: Value) -> Subject | None:
    parts = _RUN.read(value.text) or _SPACE.read(value.text)
    if parts is None:
        return None
    dangers: list[str] = []
    if not says_something(parts["space"]) and not says_something(parts.get("name", ANYTHING)):
        dangers.append("admits every stack of the account")
    event = parts.get("event", ANYTHING)
    if not says_something(event):
        dangers.append("also admits proposed runs, those of pull requests, which the policy refuses")
        return Subject(dangers=tuple(dangers))
    if event not in _MEMBERS_ONLY:
        dangers.append(UNTRUSTED_RUNS)
    return Subject(match={"event": part(value, event)}, dangers=tuple(dangers))


SUBJECT: Final = SubjectGrammar(read=_read, fixed_words=re.compile(r"(?:space|stack|module|run_type|scope|[:*?])*"))

"""Vela: `repo:OWNER/NAME:ref:REF:event:EVENT`.

Source: docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, exactly, part, says_something
from token_exchange_cli.subjects.iam_patterns import Value

_OWNER_OR_NAME: Final = "[^/:*?]+"

_RUN: Final = form(
    "repo:<organization>/<name>:ref:<ref>:event:<event><rest>",
    organization=_OWNER_OR_NAME,
    name=_OWNER_OR_NAME,
    ref="[^:]*",
    event="[^:]*",
    rest="(?::.*)?",
)

_ANY_RUN: Final = form("repo:<organization>/<name>:*", organization=_OWNER_OR_NAME, name=_OWNER_OR_NAME)


def _read(value: Value) -> Subject | None:
    run = _RUN.read(value.text)
    parts = run or _ANY_RUN.read(value.text)
    if parts is None:
        return None
    organization = parts["organization"]
    match = {"repository": exactly(f"{organization}/{parts['name']}")}
    if run is None:
        return Subject(
            organization=organization,
            match=match,
            dangers=("admits every branch, tag and event, including pull requests",),
        )
    for name in ("ref", "event"):
        if says_something(run[name]):
            match[name] = part(value, run[name])
    return Subject(organization=organization, match=match)


SUBJECT: Final = SubjectGrammar(read=_read, beginning="repo:", self_hosted=re.compile(r"repo:[^:]*:ref:[^:]*:event:"))

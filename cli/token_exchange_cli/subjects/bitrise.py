"""Bitrise: `app:APP:workflow:WORKFLOW`.

Source: Bitrise's page on OIDC; docs/providers.md.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from token_exchange.core.policy import Grant, Organization
from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, exactly, part, says_something
from token_exchange_cli.subjects.grant_values import name_patterns
from token_exchange_cli.subjects.iam_patterns import ANYTHING, Value

_WORKFLOW: Final = form("app:<pipeline_id>:workflow:<workflow>", pipeline_id="[^:*?]+", workflow=".*")


def _read(value: Value) -> Subject | None:
    parts = _WORKFLOW.read(value.text)
    if parts is None:
        return None
    match = {"pipeline_id": exactly(parts["pipeline_id"])}
    if says_something(parts["workflow"]):
        match["workflow"] = part(value, parts["workflow"])
    return Subject(match=match, dangers=("admits every branch, tag and pull request: sub names none of them",))


def _write(grant: Grant, _organization: Organization) -> Iterator[str]:
    workflows: Sequence[str] = name_patterns(grant, "workflow") or [ANYTHING]
    for app in name_patterns(grant, "pipeline_id") or ():
        yield from (_WORKFLOW.write(pipeline_id=app, workflow=workflow) for workflow in workflows)


SUBJECT: Final = SubjectGrammar(read=_read, write=_write, tenant=re.compile(r"app:[^*?:]+:"))

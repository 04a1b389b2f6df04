"""Gitea: GitHub's form with the ids of owner and repository, `repo:7/42:…`, and never their names.

Source: docs/providers.md.
"""

from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.github_family import CONTEXT, read_context, read_github, untrusted
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, exactly, says_something
from token_exchange_cli.subjects.iam_patterns import Value

_IDS: Final = form("repo:<owner_id>/<id><context>", owner_id="[0-9]+", id="[0-9]+", context=CONTEXT)


def _read(value: Value) -> Subject | None:
    parts = _IDS.read(value.text)
    if parts is None:
        return read_github(value)
    context = parts["context"].removeprefix(":")
    match = {"repository_id": exactly(parts["id"]), **read_context(value, context)}
    everything = () if says_something(context) else ("admits every branch, tag and pull request",)
    return Subject(organization_id=parts["owner_id"], match=match, dangers=(*everything, *untrusted(match)))


SUBJECT: Final = SubjectGrammar(read=_read)

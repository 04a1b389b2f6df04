"""Buildkite: `organization:ORGANIZATION:pipeline:PIPELINE:ref:REF:commit:COMMIT:step:STEP`.

A job can choose an id for `sub` instead. That is a bare UUID, so the default form is Buildkite's own statement.
Source: Buildkite's page on OIDC; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, part, says_something
from token_exchange_cli.subjects.iam_patterns import Value

_PIPELINE: Final = form(
    "organization:<organization>:pipeline:<pipeline>:<run>", organization="[^:*?]+", pipeline="[^:]+", run=".*"
)

_REF: Final = form("ref:refs/<kind>/<name>:<commit>", kind="heads|tags", name="[^:]+", commit=".*")


def _read(value: Value) -> Subject | None:
    parts = _PIPELINE.read(value.text)
    if parts is None:
        return None
    organization = parts["organization"]
    match: dict[str, Value] = {}
    if says_something(parts["pipeline"]):
        match["pipeline"] = part(value, parts["pipeline"])
    ref = _REF.read(parts["run"])
    if ref is not None and says_something(ref["name"]):
        match["branch" if ref["kind"] == "heads" else "tag"] = part(value, ref["name"])
        return Subject(organization=organization, match=match)
    return Subject(organization=organization, match=match, dangers=("admits every branch and tag",))


SUBJECT: Final = SubjectGrammar(read=_read, tenant=re.compile(r"organization:[^*?:]+:"), own_statement="organization:")

"""Codefresh: `account:ACCOUNT:pipeline:PIPELINE:initiator:…`.

Source: Codefresh's page on OIDC; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, exactly
from token_exchange_cli.subjects.iam_patterns import Value

_PIPELINE: Final = form(
    "account:<organization_id>:pipeline:<pipeline_id><initiator>",
    organization_id="[^:*?]+",
    pipeline_id="[^:*?]+",
    initiator="(?::.*)?",
)


def _read(value: Value) -> Subject | None:
    parts = _PIPELINE.read(value.text)
    if parts is None:
        return None
    return Subject(organization_id=parts["organization_id"], match={"pipeline_id": exactly(parts["pipeline_id"])})


SUBJECT: Final = SubjectGrammar(read=_read, tenant=re.compile(r"account:[^*?:]+:"))

"""Kubernetes: `system:serviceaccount:NAMESPACE:NAME`.

Source: the Kubernetes documentation of service accounts; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, says_something
from token_exchange_cli.subjects.iam_patterns import Value

_PREFIX: Final = "system:serviceaccount:"
_ACCOUNT: Final = form(f"{_PREFIX}<namespace>:<name>", namespace="[^:*?]+", name="[^:]+")


def _read(value: Value) -> Subject | None:
    parts = _ACCOUNT.read(value.text)
    if parts is None:
        return None
    namespace = parts["namespace"]
    dangers = () if says_something(parts["name"]) else (f"admits every service account of the namespace {namespace}",)
    return Subject(organization=namespace, dangers=dangers)


SUBJECT: Final = SubjectGrammar(
    read=_read,
    tenant=re.compile(rf"{_PREFIX}[^*?:]+:"),
    fixed_words=re.compile(r"(?:system|serviceaccount|[:*?])*"),
    beginning=_PREFIX,
    self_hosted=re.compile(_PREFIX),
)

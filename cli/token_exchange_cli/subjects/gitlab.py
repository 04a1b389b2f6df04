"""GitLab: `project_path:GROUP/PROJECT:ref_type:TYPE:ref:REF`, or `project_id:ID:…` where that is configured.

Source: GitLab Docs, "ID token authentication", of `sub`.
"""

import re
from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import Grant, Organization
from token_exchange.core.vocabulary import Name
from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import (
    ONLY_CUSTOMISED,
    WIDE_ORGANIZATION,
    Subject,
    SubjectGrammar,
    exactly,
    part,
    says_something,
    wild,
)
from token_exchange_cli.subjects.grant_values import name_patterns
from token_exchange_cli.subjects.iam_patterns import ANYTHING, Value, literal

_ID: Final = form("project_id:<id>:<ref>", id="[^:*?]+", ref=".*")
_PATH: Final = form("project_path:<path><ref>", path="[^:]+", ref="(?::.*)?")
_REF: Final = form("ref_type:<kind>:ref:<name>", kind="branch|tag", name="[^:]*")
_KINDS: Final[tuple[Name, ...]] = ("branch", "tag")


def _read(value: Value) -> Subject | None:
    by_id = _ID.read(value.text)
    if by_id is not None:
        return Subject(match={"repository_id": exactly(by_id["id"]), **_read_ref(value, by_id["ref"])})
    parts = _PATH.read(value.text)
    if parts is None:
        return None
    path, ref = parts["path"], parts["ref"]
    group, _, project = path.rpartition("/")
    above = re.split(r"[*?]", path, maxsplit=1)[0].rpartition("/")[0]
    if not above:
        return Subject(dangers=(WIDE_ORGANIZATION,))
    dangers: list[str] = []
    match: dict[str, Value] = {"repository": part(value, path)}
    if wild(group) or not says_something(project):
        dangers.append(f"admits every project below {above}")
    elif wild(project):
        dangers.append(f"admits each project whose path fits, such as {path.replace(ANYTHING, '-other')}")
    match.update(_read_ref(value, ref.removeprefix(":")))
    if not ref and ANYTHING not in path:
        dangers = [ONLY_CUSTOMISED.format("GitLab")]
    elif not says_something(ref.removeprefix(":")):
        dangers.append("admits every branch, tag and merge request")
    return Subject(organization=above, match=match, dangers=tuple(dangers))


def _read_ref(value: Value, ref: str) -> dict[str, Value]:
    parts = _REF.read(ref)
    return {} if parts is None else {parts["kind"]: part(value, parts["name"])}


def _write(grant: Grant, organization: Organization) -> Iterator[str]:
    for path in _paths(grant, organization):
        for ref in _refs(grant):
            yield _PATH.write(path=path, ref=f":{ref}")


def _paths(grant: Grant, organization: Organization) -> Iterator[str]:
    stated = name_patterns(grant, "repository")
    group = organization.name
    if stated is None:
        if group is not None:
            yield f"{literal(group)}/{ANYTHING}"
        return
    for path in stated:
        if group is None or path.startswith(f"{group}/"):
            yield path
        elif wild(path):
            yield f"{literal(group)}/{ANYTHING}"


def _refs(grant: Grant) -> list[str]:
    for kind in _KINDS:
        stated = name_patterns(grant, kind)
        if stated is not None:
            return [_REF.write(kind=kind, name=name) for name in stated]
    return [ANYTHING]


SUBJECT: Final = SubjectGrammar(
    read=_read,
    write=_write,
    tenant=re.compile(r"(?:project_path|project_id|namespace_path|namespace_id):[^*?:/]+[:/]"),
    repository_only=re.compile(r"project_path:[^:*?]+"),
    self_hosted=re.compile(r"project_(?:path|id):"),
)

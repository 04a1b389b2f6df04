"""The `sub` that GitHub Actions made known, and that Forgejo and Gitea follow: `repo:OWNER/NAME:CONTEXT`.

GitHub's newer form has ids: `repo:OWNER@ID/NAME@ID:CONTEXT`. The context is `environment:NAME`, or `pull_request`, or
`ref:REF`. Source: GitHub Docs, "OpenID Connect reference", of the subject.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from token_exchange.core.vocabulary import Name
from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import (
    ONLY_CUSTOMISED,
    UNTRUSTED_RUNS,
    WIDE_ORGANIZATION,
    Match,
    Subject,
    exactly,
    part,
    says_something,
    wild,
)
from token_exchange_cli.subjects.iam_patterns import ANYTHING, Value

CONTEXT: Final = "(?::.*)?"
_OWNER: Final = "[^/:@]+(?:@[^/:]+)?"
_NAME: Final = "[^:@]+(?:@[^:]+)?"
_REPOSITORY: Final = form("repo:<owner>/<name><context>", owner=_OWNER, name=_NAME, context=CONTEXT)
_OWNER_ONLY: Final = form("repo:<owner>", owner=_OWNER)

_CUSTOMISED: Final = form(
    "<claim>:<id><rest>", claim="repository_owner|repository_owner_id|repository_id", id="[^:*?]+", rest=CONTEXT
)

REPOSITORY_ONLY: Final = re.compile(r"repo:[^/:*?]+/[^/:*?]+")
_PULL_REQUEST: Final = "pull_request"

_CONTEXTS: Final[Mapping[Name, str]] = {
    "environment": "environment:",
    "branch": "ref:refs/heads/",
    "tag": "ref:refs/tags/",
    "ref": "ref:",
}
"""How a context begins that names one of these. A job with an environment has only that, so it comes first."""

_COLON: Final = "%3A"
"""GitHub writes a colon in a value so: one that stands in a context begins another part, which is customised."""


def write_github(owner: str, name: str, context: str, *, owner_id: str = "", repository_id: str = "") -> str:
    """Return a subject, in the newer form if ids are given; each argument is an IAM pattern."""
    return _REPOSITORY.write(
        owner=f"{owner}@{owner_id}" if owner_id else owner,
        name=f"{name}@{repository_id}" if repository_id else name,
        context=f":{context}",
    )


def write_context(name: Name, value: str) -> str:
    """Return the context of runs whose `name` fits the IAM pattern `value`."""
    return _CONTEXTS[name] + value.replace(":", _COLON)


def context_names() -> Iterable[Name]:
    """Return the names that a context can hold, the one that GitHub prefers first."""
    return _CONTEXTS


def read_context(value: Value, context: str) -> dict[str, Value]:
    """Return what `context`, the end of `value`, says of a run."""
    if context == _PULL_REQUEST:
        return {"event": exactly(_PULL_REQUEST)}
    for name, prefix in _CONTEXTS.items():
        rest = context.removeprefix(prefix)
        if rest != context and ":" not in rest and (name != "ref" or (rest and says_something(rest))):
            return {name: part(value, rest.replace(_COLON, ":"))}
    return {}


def untrusted(match: Match) -> tuple[str, ...]:
    """Return the remark on a `match` of pull requests, or none."""
    return (UNTRUSTED_RUNS,) if "event" in match else ()


def read_github(value: Value) -> Subject | None:
    """Read a subject of GitHub's form, in the older and the newer one, and what a customised one may begin with."""
    parts = _REPOSITORY.read(value.text)
    if parts is None:
        return _read_owner(value)
    owner, owner_id = _name_and_id(parts["owner"])
    if wild(owner):
        return Subject(dangers=(WIDE_ORGANIZATION,))
    name, repository_id = _name_and_id(parts["name"])
    match: dict[str, Value] = {}
    dangers: list[str] = []
    if not says_something(name):
        match["organization"] = exactly(owner)
        dangers.append(f"admits every repository of {owner}")
    else:
        match["repository"] = part(value, f"{owner}/{name}")
        if value.is_pattern and ANYTHING in name:
            dangers.append(
                f"admits each repository of {owner} whose name fits, such as {name.replace(ANYTHING, '-other')}"
            )
    if repository_id is not None and not wild(repository_id):
        match["repository_id"] = exactly(repository_id)
    context = parts["context"]
    if not context and not (value.is_pattern and ANYTHING in parts["name"]):
        dangers = [ONLY_CUSTOMISED.format("GitHub")]
    elif not context or not says_something(context.removeprefix(":")):
        dangers.append("admits every branch, tag and environment, and also pull requests, which the policy refuses")
    else:
        match.update(read_context(value, context.removeprefix(":")))
    return Subject(
        organization=owner,
        organization_id=None if owner_id is None or wild(owner_id) else owner_id,
        match=match,
        dangers=(*dangers, *untrusted(match)),
    )


def _read_owner(value: Value) -> Subject | None:
    parts = _OWNER_ONLY.read(value.text)
    if parts is None:
        return _read_customised(value)
    if wild(_name_and_id(parts["owner"])[0]):
        return Subject(dangers=(WIDE_ORGANIZATION,))
    return None if value.is_pattern else Subject(dangers=(ONLY_CUSTOMISED.format("GitHub"),))


def _read_customised(value: Value) -> Subject | None:
    parts = _CUSTOMISED.read(value.text)
    if parts is None:
        return None
    id_ = parts["id"]
    match parts["claim"]:
        case "repository_owner":
            return Subject(organization=id_, match={"organization": exactly(id_)})
        case "repository_owner_id":
            return Subject(organization_id=id_, match={"organization_id": exactly(id_)})
        case _:
            return Subject(match={"repository_id": exactly(id_)})


def _name_and_id(text: str) -> tuple[str, str | None]:
    name, at, number = text.partition("@")
    return name, number if at else None

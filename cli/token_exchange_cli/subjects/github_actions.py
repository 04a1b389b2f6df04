"""GitHub Actions: `repo:OWNER/NAME:CONTEXT`, with ids `repo:OWNER@ID/NAME@ID:CONTEXT`.

A repository can customise its subject; then a role refuses it, unless the grant says under `claims` what `sub` is.
Source: GitHub Docs, "OpenID Connect reference", of the subject.
"""

import re
from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import Grant, Organization
from token_exchange_cli.subjects.github_family import (
    REPOSITORY_ONLY,
    context_names,
    read_github,
    write_context,
    write_github,
)
from token_exchange_cli.subjects.grammar import SubjectGrammar, wild
from token_exchange_cli.subjects.grant_values import name_patterns
from token_exchange_cli.subjects.iam_patterns import ANYTHING, literal


def _write(grant: Grant, organization: Organization) -> Iterator[str]:
    contexts = _contexts(grant)
    ids = name_patterns(grant, "repository_id")
    owner_id = ANYTHING if organization.id is None else organization.id
    for owner, name in _repositories(grant, organization):
        for context in contexts:
            # With only an id in the grant, the older form, which has none, would admit all of the owner's repositories.
            if ids is None or name != ANYTHING:
                yield write_github(owner, name, context)
            # No name or ref contains a colon, and no name an @: a * there is an id, or a name of the same owner.
            for one in ids or [ANYTHING]:
                yield write_github(owner, name, context, owner_id=owner_id, repository_id=one)


def _repositories(grant: Grant, organization: Organization) -> Iterator[tuple[str, str]]:
    stated = name_patterns(grant, "repository")
    if stated is None:
        if organization.name is not None:
            yield literal(organization.name), ANYTHING
        return
    for repository in stated:
        owner, _, name = repository.partition("/")
        if organization.name is None or owner == organization.name:
            yield owner, name
        elif wild(owner):
            yield organization.name, name


def _contexts(grant: Grant) -> list[str]:
    for name in context_names():
        stated = name_patterns(grant, name)
        if stated is not None:
            return [write_context(name, value) for value in stated]
    return [ANYTHING]


SUBJECT: Final = SubjectGrammar(
    read=read_github,
    write=_write,
    tenant=re.compile(r"(?:repo|(?:repository|repository_owner)(?:_id)?):[^*?:/@]+[:/@]"),
    repository_only=REPOSITORY_ONLY,
)

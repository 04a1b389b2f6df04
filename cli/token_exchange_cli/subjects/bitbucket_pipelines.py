"""Bitbucket Pipelines: `{REPOSITORY}:{ENVIRONMENT}:{STEP}`, UUIDs in braces; the environment only where there is one.

Source: Bitbucket's page on OIDC; docs/providers.md.
"""

import re
from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import Grant, Organization
from token_exchange.core.vocabulary import UUID
from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, exactly
from token_exchange_cli.subjects.grant_values import name_patterns
from token_exchange_cli.subjects.iam_patterns import Value

# Published trust policies have a * between the UUIDs.
_ENVIRONMENT: Final = form(
    "{<repository_id>}<gap>:{<environment>}<step>", repository_id=UUID, gap=r"\*?", environment=UUID, step="[*:].*"
)

_REPOSITORY: Final = form("{<repository_id>}<step>", repository_id=UUID, step=".*")


def _read(value: Value) -> Subject | None:
    parts = _ENVIRONMENT.read(value.text)
    if parts is not None:
        return Subject(match={name: exactly(parts[name]) for name in ("repository_id", "environment")})
    parts = _REPOSITORY.read(value.text)
    if parts is not None:
        return Subject(
            match={"repository_id": exactly(parts["repository_id"])},
            dangers=("admits every branch, tag and pull request",),
        )
    if re.match(UUID, value.text):
        return Subject(dangers=("admits no run: the UUIDs in Bitbucket's sub are in braces",))
    return None


def _write(grant: Grant, _organization: Organization) -> Iterator[str]:
    environments = name_patterns(grant, "environment")
    for repository in name_patterns(grant, "repository_id") or ():
        if environments is None:
            yield _REPOSITORY.write(repository_id=repository, step=":*")
        for environment in environments or ():
            yield _ENVIRONMENT.write(repository_id=repository, gap="", environment=environment, step=":*")


SUBJECT: Final = SubjectGrammar(read=_read, write=_write, beginning="{")

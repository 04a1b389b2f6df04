"""CircleCI: `org/ORGANIZATION/project/PROJECT/user/USER`, and with its newer form `/vcs-origin/REPOSITORY/vcs-ref/REF`.

Source: CircleCI's page on OIDC; docs/providers.md.
"""

from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import Grant, Organization
from token_exchange.core.vocabulary import UUID
from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import UNTRUSTED_RUNS, Subject, SubjectGrammar, exactly, part
from token_exchange_cli.subjects.grant_values import name_patterns
from token_exchange_cli.subjects.iam_patterns import ANYTHING, Value

_PROJECT: Final = form(
    "org/<organization_id>/project/<pipeline_id>/<run>", organization_id=UUID, pipeline_id=rf"{UUID}|\*", run=".*"
)

_ORIGIN: Final = form(
    "<project>/vcs-origin/<host>/<repository>/vcs-ref/<ref>",
    project=".*",
    host="[^/*?]+",
    repository="[^/*?]+/[^/?]*?[^/?]",
    ref=".*",
)


def _read(value: Value) -> Subject | None:
    parts = _PROJECT.read(value.text)
    if parts is None:
        return None
    match: dict[str, Value] = {}
    dangers: list[str] = []
    if parts["pipeline_id"] != ANYTHING:
        match["pipeline_id"] = exactly(parts["pipeline_id"])
    source = _ORIGIN.read(value.text)
    if source is not None:
        match["repository"] = part(value, source["repository"])
        for prefix, name in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
            if source["ref"].startswith(prefix):
                match[name] = part(value, source["ref"].removeprefix(prefix))
        if source["ref"].startswith("refs/pull/"):
            dangers.append(UNTRUSTED_RUNS)
    elif parts["pipeline_id"] == ANYTHING:
        dangers.append("admits every project of the organization")
    return Subject(organization_id=parts["organization_id"], match=match, dangers=tuple(dangers))


def _write(grant: Grant, organization: Organization) -> Iterator[str]:
    if organization.id is not None:
        for project in name_patterns(grant, "pipeline_id") or [ANYTHING]:
            yield _PROJECT.write(organization_id=organization.id, pipeline_id=project, run=ANYTHING)


SUBJECT: Final = SubjectGrammar(read=_read, write=_write, beginning="org/")

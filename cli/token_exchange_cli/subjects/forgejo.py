"""Forgejo: GitHub's form, and a newer one with ids, `repo:OWNER-ID/NAME-ID:…`.

Source: Forgejo's page on OIDC; docs/providers.md.
"""

from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.github_family import read_github
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar
from token_exchange_cli.subjects.iam_patterns import Value

_WITH_IDS: Final = form(
    "repo:<owner>-<owner_id>/<name>-<id><context>",
    owner="[^/:]+",
    owner_id="[0-9]+",
    name="[^:]+",
    id="[0-9]+",
    context="(?::.*)?",
)


def _read(value: Value) -> Subject | None:
    # A subject of the older form looks the same where the owner's name ends in a number.
    if _WITH_IDS.read(value.text) is not None:
        return Subject(
            dangers=(
                "admits an owner whose name may end in a number, or the owner with that id: write which one is meant",
            )
        )
    return read_github(value)


SUBJECT: Final = SubjectGrammar(read=_read)

"""Azure DevOps: `p://ORGANIZATION/PROJECT/PIPELINE`, and `sc://…` for a token requested with a service connection.

Source: docs/providers.md.
"""

from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar
from token_exchange_cli.subjects.iam_patterns import Value

_SERVICE_CONNECTION: Final = form("sc://<connection>", connection=".*")


def _read(value: Value) -> Subject | None:
    if _SERVICE_CONNECTION.read(value.text) is None:
        return None
    return Subject(
        dangers=(
            (
                "is the sub of a service connection; such a token does not name its pipeline and is refused: request "
                "the token without one, and write the sub that it has then, p://ORGANIZATION/PROJECT/PIPELINE"
            ),
        )
    )


# A token requested with a service connection is refused.
SUBJECT: Final = SubjectGrammar(read=_read, beginning="p://")

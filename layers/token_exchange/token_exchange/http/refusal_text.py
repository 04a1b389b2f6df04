"""Refusals as a person reads them: with a link to the documentation, and on request as one line of text.

A pipeline's step prints a refusal into the job's log. JSON has everything, on a line of several hundred characters.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.http.answers import PLAIN_TEXT, safe_json
from token_exchange.http.event import HttpAnswer, HttpRequest

_HIDDEN_FROM_SHELLS: Final = frozenset("$`")


def for_readers(answer: HttpAnswer, request: HttpRequest | None, *, documentation_url: str) -> HttpAnswer:
    """Return `answer`; a refusal with its link below `documentation_url`, and as text if the query has `errors=text`.

    The parameter is read here and nowhere else, without a check, because it also applies to requests whose parameters
    are refused.
    """
    if answer.refusal is None:
        return answer
    fields = {**answer.refusal, "documentation": f"{documentation_url}/errors.md#{answer.refusal['reason']}"}
    query = () if request is None else request.query or ()
    if ("errors", "text") not in query:
        return replace(answer, body=safe_json(fields))
    return replace(answer, headers={**answer.headers, "Content-Type": PLAIN_TEXT}, body=_line(fields))


def _line(fields: Mapping[str, Json]) -> str:
    """Return one line that no reader takes for a password: it begins with the reason, and it has spaces."""
    text = (
        f"{fields['reason']}: {fields['error_description']}; {fields['hint']};"
        f" see {fields['documentation']} (request {fields['request_id']})"
    )
    return "".join(map(_visible, text)) + "\n"


def _visible(character: str) -> str:
    # As in the JSON: a caller's branch name must not run in a shell, move a cursor or begin a line of its own.
    is_plain = " " <= character <= "~" and character not in _HIDDEN_FROM_SHELLS
    return character if is_plain else f"\\u{ord(character):04x}"

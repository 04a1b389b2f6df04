"""Makes answers: their headers, and JSON that is safe even in the hands of a shell."""

import json
from collections.abc import Mapping
from typing import Final

from token_exchange.endpoint.http import HttpAnswer
from token_exchange.ports import Json
from token_exchange.reasons import MEANINGS, Reason
from token_exchange.refusals import Refused

_ALWAYS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
}

_RETRY_AFTER_SECONDS: Final = 5


def json_answer(
    status: int, fields: Mapping[str, Json], *, request_id: str, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Return an answer of one line of JSON."""
    return answer(
        status, safe_json(fields), content_type="application/json", request_id=request_id, headers=headers or {}
    )


def answer(
    status: int, body: str, *, content_type: str, request_id: str, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Return an answer with the headers that every answer carries."""
    return HttpAnswer(
        status=status,
        headers={**_ALWAYS, "Content-Type": content_type, "X-Request-Id": request_id, **(headers or {})},
        body=body,
    )


def safe_json(fields: Mapping[str, Json]) -> str:
    """Return `fields` as one line of ASCII that no shell finds anything in to run.

    A step that evals a refusal must not run a branch name: `$` and the backtick are written as escapes.
    """
    line = json.dumps(dict(fields), separators=(", ", ": "))
    return line.replace("$", "\\u0024").replace("`", "\\u0060").replace("\x7f", "\\u007f")


def status_of(reason: Reason, *, has_grant_type: bool) -> int:
    """Return the HTTP status of `reason`; RFC 8693 section 2.2.2 answers a bad subject token with 400."""
    status = MEANINGS[reason].status
    return 400 if status == 401 and has_grant_type else status  # noqa: PLR2004 - the statuses' own names


def failure_fields(
    reason: Reason, description: str, *, request_id: str, has_grant_type: bool, hint: str | None = None
) -> dict[str, Json]:
    """Return what every refusal says, whatever else is told to whom."""
    meaning = MEANINGS[reason]
    as_request = meaning.error == "invalid_token" and has_grant_type
    return {
        "error": "invalid_request" if as_request else meaning.error,
        "error_description": description,
        "reason": reason.value,
        "hint": hint or meaning.hint,
        "documentation": f"docs/errors.md#{reason}",
        "request_id": request_id,
    }


def failure_headers(refused: Refused, *, status: int) -> dict[str, str]:
    """Return the headers by which a refusal's status is to be understood."""
    headers: dict[str, str] = {}
    if status == 401:  # noqa: PLR2004 - RFC 6750 section 3
        headers["WWW-Authenticate"] = _challenge(refused.reason)
    if status in (429, 503):
        headers["Retry-After"] = str(refused.retry_after_seconds or _RETRY_AFTER_SECONDS)
    return headers


def _challenge(reason: Reason) -> str:
    """Return the challenge of RFC 6750 section 3; its text is fixed for each reason, and so is safe in a header."""
    if reason is Reason.MISSING_TOKEN:
        return "Bearer"
    return f'Bearer error="invalid_token", error_description="{reason.replace("-", " ")}"'

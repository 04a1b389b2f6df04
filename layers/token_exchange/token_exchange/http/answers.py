"""The answers: failures in the form of RFC 6749, logins in the requested format.

Source: RFC 6749 section 5.2, RFC 6750 section 3, RFC 8693 section 2.2.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, assert_never

from token_exchange.core.attempt import FailedLogin
from token_exchange.core.exchange import Exchanged
from token_exchange.core.mint import Login
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.session import utc_second
from token_exchange.http.event import HttpAnswer, HttpRequest
from token_exchange.http.request import ACCESS_TOKEN, Format
from token_exchange.reporting.reasons import MEANINGS

_ALWAYS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
}

_RETRY_AFTER_SECONDS: Final = 5


def json_answer(
    status: int, fields: Mapping[str, Json], *, request_id: str, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Return an answer with one line of JSON."""
    return answer(
        status, safe_json(fields), content_type="application/json", request_id=request_id, headers=headers or {}
    )


def refusal_answer(
    status: int, fields: Mapping[str, Json], *, request_id: str, headers: Mapping[str, str]
) -> HttpAnswer:
    """Return a refusal with these fields; `for_readers` writes its body."""
    return answer(status, "", content_type="application/json", request_id=request_id, headers=headers, refusal=fields)


def answer(
    status: int,
    body: str,
    *,
    content_type: str,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    refusal: Mapping[str, Json] | None = None,
) -> HttpAnswer:
    """Return an answer with the headers that every answer has."""
    return HttpAnswer(
        status=status,
        headers={**_ALWAYS, "Content-Type": content_type, "X-Request-Id": request_id, **(headers or {})},
        body=body,
        refusal=refusal,
    )


_ENCODER: Final = json.JSONEncoder(separators=(", ", ": "))


def safe_json(fields: Mapping[str, Json]) -> str:
    """Return `fields` as one line of ASCII that contains nothing a shell would execute.

    A step that evaluates a refusal by mistake must not run a branch name: `$` and the backtick are escaped.
    """
    line = _ENCODER.encode(dict(fields))
    return line.replace("$", "\\u0024").replace("`", "\\u0060").replace("\x7f", "\\u007f")


def status_of(reason: Reason, *, has_grant_type: bool) -> int:
    """Return the HTTP status of `reason`; for a bad subject token, RFC 8693 section 2.2.2 requires 400."""
    status = MEANINGS[reason].status
    return 400 if status == 401 and has_grant_type else status  # noqa: PLR2004 - HTTP statuses


def failure_fields(
    reason: Reason, description: str, *, request_id: str, has_grant_type: bool, hint: str | None = None
) -> dict[str, Json]:
    """Return the fields that every refusal has."""
    meaning = MEANINGS[reason]
    as_request = meaning.error == "invalid_token" and has_grant_type
    return {
        "error": "invalid_request" if as_request else meaning.error,
        "error_description": description,
        "reason": reason.value,
        "hint": hint or meaning.hint,
        "documentation": f"errors.md#{reason}",
        "request_id": request_id,
    }


def failure_headers(refused: Refused, *, status: int) -> dict[str, str]:
    """Return the headers that a refusal's status requires."""
    headers: dict[str, str] = {}
    if status == 401:  # noqa: PLR2004 - RFC 6750 section 3
        headers["WWW-Authenticate"] = _challenge(refused.reason)
    if status in (429, 503):
        headers["Retry-After"] = str(refused.retry_after_seconds or _RETRY_AFTER_SECONDS)
    return headers


def _challenge(reason: Reason) -> str:
    """Return the challenge of RFC 6750 section 3, with a fixed string for each reason, which is safe in a header."""
    if reason is Reason.MISSING_TOKEN:
        return "Bearer"
    return f'Bearer error="invalid_token", error_description="{reason.replace("-", " ")}"'


_PLAIN_TEXT: Final = "text/plain; charset=utf-8"

_HIDDEN_FROM_SHELLS: Final = frozenset("$`")


def for_readers(response: HttpAnswer, request: HttpRequest | None, *, documentation_url: str) -> HttpAnswer:
    """Return `response`; a refusal with its body, as text if the query has `errors=text`, and a link that is complete.

    A pipeline's step prints a refusal into the job's log, where its JSON is a line of several hundred characters. The
    parameter is read here and nowhere else, without a check: it also applies where the parameters are refused.
    """
    if response.refusal is None:
        return response
    fields = {**response.refusal, "documentation": f"{documentation_url}/{response.refusal['documentation']}"}
    query = () if request is None else request.query or ()
    if ("errors", "text") not in query:
        return replace(response, body=safe_json(fields))
    return replace(response, headers={**response.headers, "Content-Type": _PLAIN_TEXT}, body=_line(fields))


def _line(fields: Mapping[str, Json]) -> str:
    """Return one line that no reader takes for a password: it begins with the reason, and it has spaces.

    What a caller may have written is in double quotes, in which a shell runs nothing but what `_visible` escapes: a
    branch may be called `x;reboot`.
    """
    text = (
        f"{fields['reason']}: {json.dumps(fields['error_description'])}; {fields['hint']};"
        f" see {fields['documentation']} (request {fields['request_id']})"
    )
    return "".join(map(_visible, text)) + "\n"


def _visible(character: str) -> str:
    # As in the JSON: a caller's branch name must not run in a shell, move a cursor or begin a new line.
    is_plain = " " <= character <= "~" and character not in _HIDDEN_FROM_SHELLS
    return character if is_plain else f"\\u{ord(character):04x}"


_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_.:/=+@,-]*", re.ASCII)
"""Characters that every parser of `.env` files reads literally; parsers disagree on quoting."""


def formatted(exchanged: Exchanged, wanted: Format, *, request_id: str) -> HttpAnswer:
    """Return `exchanged` in the `wanted` format; formats for one login require exactly one.

    Raises:
        Refused: `misconfigured` if `dotenv` cannot represent a value.
    """
    match wanted:
        case "json":
            return json_answer(200, _json(exchanged, request_id), request_id=request_id)
        case "docker-config":
            return json_answer(200, _docker_config(exchanged), request_id=request_id)
        case "password":
            (login,) = exchanged.logins
            return answer(200, login.password, content_type=_PLAIN_TEXT, request_id=request_id)
        case "credential-helper":
            (login,) = exchanged.logins
            return json_answer(200, _credential(login), request_id=request_id)
        case "shell":
            (login,) = exchanged.logins
            return answer(200, _shell(_variables(login)), content_type=_PLAIN_TEXT, request_id=request_id)
        case "dotenv":
            (login,) = exchanged.logins
            return answer(200, _dotenv(_variables(login)), content_type=_PLAIN_TEXT, request_id=request_id)
        case _:
            assert_never(wanted)


def holds_one_login(wanted: Format) -> bool:
    """Return whether this format is for exactly one registry."""
    return wanted not in ("json", "docker-config")


def can_report_failures(wanted: Format) -> bool:
    """Return whether this format can report registries that failed when others did not."""
    return wanted == "json"


def _json(exchanged: Exchanged, request_id: str) -> dict[str, Json]:
    """Return the token response of RFC 8693 section 2.2.1 for the first login, and a list of all logins."""
    first = exchanged.logins[0]
    bounds: dict[str, Json] = {}
    if first.bounds is not None:
        bounds["expires_in"] = max(0, first.bounds.expires_at - first.bounds.made_at)
        if first.bounds.reach.scope:
            bounds["scope"] = first.bounds.reach.scope
    return {
        "access_token": first.password,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "N_A",
        **bounds,
        "registries": [_entry(login) for login in exchanged.logins],
        "failed": [_failed(failed) for failed in exchanged.failed],
        "request_id": request_id,
    }


def _entry(login: Login) -> Json:
    entry: dict[str, Json] = {
        "name": login.award.registry.name,
        "registry": login.award.registry.host,
        "username": login.username,
        "password": login.password,
        "grant": login.award.grant.name,
    }
    if login.bounds is not None:
        entry["access"] = login.bounds.reach.access
        entry["repositories"] = [*login.bounds.reach.repositories]
        entry["also_pull"] = [*login.bounds.reach.also_pull]
        entry["expires_at"] = utc_second(login.bounds.expires_at)
        entry["registry_expires_at"] = utc_second(login.bounds.registry_expires_at)
    return entry


def _failed(failed: FailedLogin) -> Json:
    return {
        "name": failed.award.registry.name,
        "reason": failed.refused.reason.value,
        "message": failed.refused.description,
    }


def _docker_config(exchanged: Exchanged) -> dict[str, Json]:
    """Return a complete `config.json` of a docker client; its keys are hosts, without a scheme."""
    auths: dict[str, Json] = {}
    for login in exchanged.logins:
        auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode("ascii")
        for key in login.award.registry.client_keys:
            auths[key] = {"auth": auth}
    return {"auths": auths}


def _credential(login: Login) -> dict[str, Json]:
    """Return what a `docker-credential-*` program prints for `get`."""
    return {"ServerURL": login.award.registry.client_keys[0], "Username": login.username, "Secret": login.password}


def _variables(login: Login) -> Mapping[str, str]:
    """Return the variables of a login; the end of a stored login is not known."""
    ends = {} if login.bounds is None else {"REGISTRY_EXPIRES_AT": utc_second(login.bounds.expires_at)}
    return {
        "REGISTRY": login.award.registry.host,
        "REGISTRY_USERNAME": login.username,
        "REGISTRY_PASSWORD": login.password,
        **ends,
    }


def _shell(variables: Mapping[str, str]) -> str:
    """Return assignments that are safe to eval: in single quotes a shell has no other special character."""
    quoted = {name: value.replace("'", "'\\''") for name, value in variables.items()}
    return "".join(f"export {name}='{value}'\n" for name, value in quoted.items())


def _dotenv(variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        if not _UNQUOTED.fullmatch(value):
            raise Refused(
                Reason.MISCONFIGURED,
                f"{name} contains a character that parsers of .env files read differently; use another format",
            )
    return "".join(f"{name}={value}\n" for name, value in variables.items())

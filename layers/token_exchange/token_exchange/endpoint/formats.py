"""The forms in which logins are handed out."""

import base64
import re
from collections.abc import Mapping
from typing import Final, assert_never

from token_exchange.downscope.session_policy import utc_second
from token_exchange.endpoint.answers import answer, json_answer
from token_exchange.endpoint.http import HttpAnswer
from token_exchange.endpoint.parameters import ACCESS_TOKEN, Format
from token_exchange.exchange import Exchanged, FailedLogin
from token_exchange.minting import Login
from token_exchange.ports import Json
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

_PLAIN_TEXT: Final = "text/plain; charset=utf-8"

_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_.:/=+@,-]*", re.ASCII)
"""What every reader of `.env` files takes as it stands; beyond that no two agree on quoting."""


def formatted(exchanged: Exchanged, wanted: Format, *, request_id: str) -> HttpAnswer:
    """Return `exchanged` in the form that is `wanted`; those that hold one login get exactly one.

    Raises:
        Refused: `misconfigured` where `dotenv` cannot hold a value.
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
    """Say whether this form is for exactly one registry."""
    return wanted not in ("json", "docker-config")


def tells_failures(wanted: Format) -> bool:
    """Say whether this form has a place for the registries that failed while others did not."""
    return wanted == "json"


def _json(exchanged: Exchanged, request_id: str) -> dict[str, Json]:
    """Return the token response of RFC 8693 section 2.2.1, which describes the first login, and all of them."""
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
        "name": login.registry.name,
        "registry": login.registry.host,
        "username": login.username,
        "password": login.password,
        "grant": login.grant,
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
        "name": failed.registry.name,
        "reason": failed.refused.reason.value,
        "message": failed.refused.description,
    }


def _docker_config(exchanged: Exchanged) -> dict[str, Json]:
    """Return a whole `config.json` of a docker client: its keys are hosts, without a scheme."""
    auths: dict[str, Json] = {}
    for login in exchanged.logins:
        auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode("ascii")
        for key in login.registry.client_keys:
            auths[key] = {"auth": auth}
    return {"auths": auths}


def _credential(login: Login) -> dict[str, Json]:
    """Return what a `docker-credential-*` program prints for `get`."""
    return {"ServerURL": login.registry.client_keys[0], "Username": login.username, "Secret": login.password}


def _variables(login: Login) -> Mapping[str, str]:
    """Return the variables of a login; a stored one ends nobody knows when."""
    ends = {} if login.bounds is None else {"REGISTRY_EXPIRES_AT": utc_second(login.bounds.expires_at)}
    return {
        "REGISTRY": login.registry.host,
        "REGISTRY_USERNAME": login.username,
        "REGISTRY_PASSWORD": login.password,
        **ends,
    }


def _shell(variables: Mapping[str, str]) -> str:
    """Return assignments that are safe to eval: between single quotes a shell knows no other special character."""
    quoted = {name: value.replace("'", "'\\''") for name, value in variables.items()}
    return "".join(f"export {name}='{value}'\n" for name, value in quoted.items())


def _dotenv(variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        if not _UNQUOTED.fullmatch(value):
            raise Refused(
                Reason.MISCONFIGURED,
                f"{name} holds a character that not every reader of such files takes as it stands; use another format",
            )
    return "".join(f"{name}={value}\n" for name, value in variables.items())

"""Audit lines as events of the Open Cybersecurity Schema Framework, for data lakes with the events of many products.

Each login is an event of the class Authentication, and so is a request without one. The attributes that are used are in
OCSF 1.1.0, which most lakes take, and in every later version since.
Source: https://schema.ocsf.io, class "Authentication [3002]".
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from token_exchange.core.ports import Json

VERSION: Final = "1.1.0"

_CLASS: Final = 3002
_LOGON: Final = 1
_OTHER: Final = 99
_SUCCESS: Final = 1
_FAILURE: Final = 2
_SEVERITIES: Final[Mapping[str, tuple[int, str]]] = {
    "granted": (1, "Informational"),
    "explained": (1, "Informational"),
    "rejected": (2, "Low"),
    "denied": (2, "Low"),
    "failed": (3, "Medium"),
}

_UNMAPPED: Final = (
    *(
        "decision",
        "issuer",
        "provider",
        "policy_sha256",
        "identity",
        "claims",
        "asked",
        "deny_rule",
        "considered",
        "would",
    ),
    *("api_request_id", "cold_start", "function_version", "timings_ms", "verified"),
)


class NoEvent(Exception):
    """The line cannot become an event; the message says what it lacks."""


def ocsf_events(line: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """Yield an event for each login of an audit line, or one if it has none.

    Raises:
        NoEvent: it has no time or no known decision.
    """
    grants = line.get("grants")
    logins = [login for login in grants if isinstance(login, dict)] if isinstance(grants, list) else []
    if not logins:
        yield _event(line, None)
    for login in logins:
        yield _event(line, login)


def _event(line: Mapping[str, Json], login: Mapping[str, Json] | None) -> dict[str, Json]:
    decision = _text(line, "decision")
    if decision is None or decision not in _SEVERITIES:
        raise NoEvent("no known decision")
    # In one request, the login for one registry can fail while that for another succeeds.
    reason = _text(line if login is None else login, "reason") or ("granted" if login is not None else None)
    activity, activity_name = (_OTHER, "Explain") if decision == "explained" else (_LOGON, "Logon")
    severity, severity_name = _SEVERITIES[decision]
    return _present(
        {
            "activity_id": activity,
            "activity_name": activity_name,
            "category_uid": 3,
            "category_name": "Identity & Access Management",
            "class_uid": _CLASS,
            "class_name": "Authentication",
            "type_uid": _CLASS * 100 + activity,
            "type_name": f"Authentication: {activity_name}",
            "severity_id": severity,
            "severity": severity_name,
            **_status(decision, reason),
            "status_code": reason,
            "status_detail": _text(line, "error", "message"),
            "message": f"{decision}: {reason}",
            "time": _milliseconds(line, "timestamp"),
            "metadata": _metadata(line, login),
            "cloud": _cloud(line, login),
            "auth_protocol_id": 4,
            "auth_protocol": "OpenID",
            "logon_type_id": 3,
            "logon_type": "Network",
            "is_remote": True,
            "user": _user(line),
            "service": _service(login),
            "session": None if login is None else _session(line, login),
            "src_endpoint": _present({"ip": _text(line, "source_ip")}),
            "http_request": _present({"user_agent": _text(line, "user_agent"), "uid": _text(line, "api_request_id")}),
            "duration": _duration(line),
            "unmapped": _present({**{name: line.get(name) for name in _UNMAPPED}, "login": _copy(login)}),
        }
    )


def _status(decision: str, reason: str | None) -> dict[str, Json]:
    if decision == "explained":
        return {"status_id": _OTHER, "status": "Explained"}
    is_success = reason == "granted"
    return {"status_id": _SUCCESS if is_success else _FAILURE, "status": "Success" if is_success else "Failure"}


def _metadata(line: Mapping[str, Json], login: Mapping[str, Json] | None) -> dict[str, Json]:
    request_id, registry = _text(line, "request_id"), None if login is None else _text(login, "registry")
    return _present(
        {
            "version": VERSION,
            "profiles": ["cloud"],
            "product": _present(
                {"name": "ecr-token-exchange", "vendor_name": "ecr-token-exchange", "version": _text(line, "version")}
            ),
            "log_name": "audit",
            "uid": request_id if registry is None else f"{request_id}/{registry}",
            "correlation_uid": request_id,
        }
    )


def _cloud(line: Mapping[str, Json], login: Mapping[str, Json] | None) -> dict[str, Json]:
    parts = (_text(login, "role_arn") or "").split(":") if login is not None else []
    account = parts[4] if len(parts) > 5 else None  # noqa: PLR2004 - an ARN has six parts
    return _present({"provider": "AWS", "region": _text(line, "region"), "account": _present({"uid": account})})


def _user(line: Mapping[str, Json]) -> dict[str, Json]:
    """Return the run: its token's subject and organization; both are unknown until the token is verified."""
    organization = _present(
        {"name": _text(line, "identity", "organization"), "uid": _text(line, "identity", "organization_id")}
    )
    name = _text(line, "claims", "sub") or _text(line, "identity", "repository") or "unverified"
    return _present(
        {
            "type_id": _OTHER,
            "type": "CI job",
            "name": name,
            "uid": _text(line, "identity", "run_id"),
            "uid_alt": _text(line, "identity", "actor"),
            "credential_uid": _text(line, "token_id") or _text(line, "token_sha256"),
            "org": organization,
        }
    )


def _service(login: Mapping[str, Json] | None) -> dict[str, Json]:
    if login is None:
        return {"name": "ecr-token-exchange"}
    return _present(
        {
            "name": _text(login, "registry") or "ecr-token-exchange",
            "uid": _text(login, "role_arn") or _text(login, "secret_arn"),
        }
    )


def _session(line: Mapping[str, Json], login: Mapping[str, Json]) -> dict[str, Json]:
    return _present(
        {
            "uid": _text(login, "assumed_role_id"),
            "uid_alt": _text(login, "source_identity"),
            "credential_uid": _text(login, "access_key_id"),
            "issuer": _text(line, "issuer_url"),
            "expiration_time": _milliseconds(login, "expires_at") if "expires_at" in login else None,
        }
    )


def _duration(line: Mapping[str, Json]) -> int | None:
    timings = line.get("timings_ms")
    total = timings.get("total") if isinstance(timings, dict) else None
    return round(total) if isinstance(total, int | float) else None


def _milliseconds(line: Mapping[str, Json], name: str) -> int:
    try:
        return round(datetime.fromisoformat(_text(line, name) or "").timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise NoEvent(f"no time in {name}") from error


def _text(value: Json | Mapping[str, Json], *path: str) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None


def _copy(login: Mapping[str, Json] | None) -> Json:
    return None if login is None else dict(login)


def _present(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields that have a value: OCSF has no null, and an empty object has no meaning."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}

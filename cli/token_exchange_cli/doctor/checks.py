"""What each check of the service found, and what to do about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.doctor.connection import Reply, ServiceUrl

type Outcome = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, what was found, and what to do; the texts may contain untrusted input."""

    name: str
    outcome: Outcome
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """Return a check that passed."""
    return Check(name=name, outcome="ok", found=found)


def warning(name: str, found: str, advice: str) -> Check:
    """Return a check with a warning."""
    return Check(name=name, outcome="warning", found=found, advice=advice)


def failed(name: str, found: str, advice: str) -> Check:
    """Return a check that failed: pipelines get no logins."""
    return Check(name=name, outcome="failed", found=found, advice=advice)


_SECONDS_PER_DAY: Final = 86_400
_CERTIFICATE_DAYS: Final = 14
"""ACM renews 60 days before the end, so a certificate with less than two weeks left was not renewed."""

_CLOCK_WARNING_SECONDS: Final = 5
_CLOCK_FAILED_SECONDS: Final = 60
"""The default `leeway` of an issuer entry: tokens that are further off are refused."""


def certificate(end: float, *, now: float) -> Check:
    """Judge a certificate that is valid now and ends at `end`."""
    days = int((end - now) // _SECONDS_PER_DAY)
    found = f"the certificate is valid for {days} more days" if days > 1 else "the certificate expires within two days"
    if days < _CERTIFICATE_DAYS:
        return warning("tls", found, "renew it: once it has expired, every pipeline fails")
    return ok("tls", found)


def health(reply: Reply) -> Check:
    """Judge the answer of `/v1/health`; only an `ok` or a `warning` is the service's own answer."""
    fields = _fields(reply)
    if fields is None:
        return _not_the_service("health", reply)
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE and fields.get("reason") == "policy-unavailable":
        return failed(
            "health",
            "no policy is in force",
            "run policy lint on the policy, then read the events in the service's log",
        )
    policy = fields.get("policy")
    if reply.status != HTTPStatus.OK or fields.get("status") != "ok" or not isinstance(policy, dict):
        return _not_the_service("health", reply)
    found = f"policy {_text(policy.get('sha256'))}, loaded at {_text(policy.get('loaded_at'))}"
    if policy.get("refused") is not False:
        return warning(
            "health",
            f"{found}; a newer policy does not load, so this one stays in force",
            "run policy lint on the newer one",
        )
    return ok("health", found)


def clock(reply: Reply) -> Check:
    """Compare the date of an answer with this machine's clock."""
    text = reply.headers.get("date")
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return warning("clock", "the answer has no date to compare with", "check the clocks of both machines by hand")
    there = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    # The header leaves fractions of a second out, and may be of any moment between the request and its answer.
    behind, ahead = reply.sent_at - (there + 1), there - reply.received_at
    apart = max(behind, ahead, 0.0)
    if apart <= _CLOCK_WARNING_SECONDS:
        return ok(
            "clock", f"the service's clock and this machine's differ by less than {_CLOCK_WARNING_SECONDS} seconds"
        )
    found = f"the service's clock is {apart:.0f} seconds {'behind' if behind > ahead else 'ahead of'} this machine's"
    advice = "find out which is wrong; if the CI system's clock is, tokens are refused as expired or not yet valid"
    return (failed if apart > _CLOCK_FAILED_SECONDS else warning)("clock", found, advice)


def metadata(reply: Reply, url: ServiceUrl) -> Check:
    """Judge the answer of `/.well-known/oauth-authorization-server` (RFC 8414 section 3.3)."""
    fields = _fields(reply)
    if reply.status == HTTPStatus.NOT_FOUND and fields is not None:
        return warning(
            "metadata",
            "there is none, since the service does not know its address",
            "set the stack's parameter PublicUrl, if clients should find the service as RFC 8414 describes",
        )
    if reply.status != HTTPStatus.OK or fields is None:
        return _not_the_service("metadata", reply)
    for name, expected in (("issuer", url.text), ("token_endpoint", f"{url.text}/v1/token")):
        if fields.get(name) != expected:
            return failed(
                "metadata",
                f"{name} is {_text(fields.get(name))}, expected {expected}",
                "set the stack's parameter PublicUrl to the address that pipelines use, or run doctor on that address",
            )
    return ok("metadata", f"issuer {url.text}")


def audience(reply: Reply, issuer: str) -> Check:
    """Judge the answer of `/v1/audience` for `issuer`."""
    fields = _fields(reply)
    if reply.status == HTTPStatus.NOT_FOUND and fields is not None:
        return failed(
            "audience",
            f"the policy does not trust the issuer {issuer}",
            "compare it exactly with the iss of a token, and add an entry under issuers",
        )
    audiences = None if fields is None else fields.get("audience")
    if reply.status != HTTPStatus.OK or not isinstance(audiences, list):
        return _not_the_service("audience", reply)
    return ok("audience", f"tokens of {issuer} need {' or '.join(map(_text, audiences))}")


def explanation(reply: Reply, *, host: str | None = None, for_all: bool = False) -> Check:
    """Judge the answer of `POST /v1/explain`: what the token would get, and whether that is for the registry `host`.

    `for_all` says that no registry was asked for, so the answer leaves out those that the token does not get.
    """
    fields = _fields(reply)
    if fields is None:
        return _not_the_service("token", reply)
    if reply.status == HTTPStatus.OK and fields.get("decision") == "granted":
        hosts = [_text(one.get("registry")) for one in _registries(fields)]
        if host is not None and host not in hosts:
            return failed(
                "token",
                f"would get a login for {' and '.join(hosts) or 'no registry'}, not for {host}",
                "the policy and the pipeline name different accounts or regions: correct the one that is wrong",
            )
        others = ", and no other registry; --registry NAME says why" if for_all else ""
        return ok("token", f"would get {'; '.join(_logins(fields)) or 'no registry'}{others}")
    reason = fields.get("reason")
    if not isinstance(reason, str):
        return _not_the_service("token", reply)
    found = f"would be refused: {reason}"
    if isinstance(description := fields.get("error_description"), str):
        found += f", {description}"
    found += "".join(f"; {text}" for text in _considered(fields))
    hint, page = fields.get("hint"), fields.get("documentation")
    advice = [text for text in (hint, f"see {page}" if isinstance(page, str) else None) if isinstance(text, str)]
    return failed("token", found, "; ".join(advice) or f"see the section {reason} of docs/errors.md")


def _registries(fields: Mapping[str, Json]) -> list[dict[str, Json]]:
    registries = fields.get("registries")
    return [one for one in registries if isinstance(one, dict)] if isinstance(registries, list) else []


def _logins(fields: Mapping[str, Json]) -> list[str]:
    return [
        f"{_text(one.get('name'))} by the grant {_text(one.get('grant'))}"
        + (f", access {one['access']}" if "access" in one else "")
        + (f", for {one['duration']}" if "duration" in one else "")
        for one in _registries(fields)
    ]


def _considered(fields: Mapping[str, Json]) -> list[str]:
    """Return the conditions that did not hold, of the grant that was nearest."""
    match fields.get("considered"):
        case [{"grant": grant, "failed": [*conditions]}, *_]:
            return [f"the grant {_text(grant)} {_requirement(one)}" for one in conditions if isinstance(one, dict)]
        case _:
            return []


def _requirement(condition: Mapping[str, Json]) -> str:
    expected = condition.get("expected")
    spelled = " or ".join(map(_text, expected)) if isinstance(expected, list) else json.dumps(expected)
    found = f"the token has {_text(condition['found'])}" if "found" in condition else "the token has none"
    return f"wants {_text(condition.get('claim'))} {spelled}, {found}"


def _fields(reply: Reply) -> dict[str, Json] | None:
    try:
        return parse_object(reply.body, max_values=None)
    except NotStrictJson:
        return None


def _not_the_service(name: str, reply: Reply) -> Check:
    if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
        return failed(
            name,
            f"status {reply.status} redirects to {reply.headers.get('location', 'another address')}",
            "run doctor on that address if it is yours; a pipeline's step does not follow redirects",
        )
    kind = reply.headers.get("content-type", "no content type")
    if reply.status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
        advice = "the function behind the gateway does not answer: check its log and its throttling"
    elif reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        advice = "something in front of the service requires a login: exempt these paths from it"
    else:
        advice = "check the address, and its stage or base path: something else answers there"
    return failed(name, f"status {reply.status} with {kind}, which is not an answer from the service", advice)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else "nothing" if value is None else str(value)

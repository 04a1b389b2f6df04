"""Examines a service, in the order in which a pipeline uses it; a check that needs a failed one is skipped."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from token_exchange.core.ports import Clock
from token_exchange_cli.doctor import checks
from token_exchange_cli.doctor.checks import Check, failed, ok, warning
from token_exchange_cli.doctor.connection import Connection, NoReply, Reply

_PART_LENGTH: Final = 8
"""A shorter part is not secret, and removing it would garble ordinary words."""


def examine(
    connection: Connection,
    *,
    issuer: str | None,
    token: str | None,
    registry: str | None,
    host: str | None,
    clock: Clock,
) -> Iterator[Check]:
    """Yield each check as it is done; `token` is sent only to what has shown to be the service, and in no text.

    `host` is the registry to which the pipeline pushes.
    """
    for check in _examine(connection, issuer, token, registry, host, clock):
        yield check if token is None else _without(check, token)


def _examine(
    connection: Connection, issuer: str | None, token: str | None, registry: str | None, host: str | None, clock: Clock
) -> Iterator[Check]:
    reached = True
    for check in _reach(connection, clock):
        reached = reached and check.outcome != "failed"
        yield check
    if not reached:
        return
    try:
        reply = connection.ask("GET", "/v1/health")
    except NoReply as error:
        yield _no_reply("health", error)
        return
    health = checks.health(reply)
    yield health
    if health.outcome == "failed":
        if token is not None:
            yield warning("token", "was not sent, because what answers here may not be the service", "see health")
        return
    yield checks.clock(reply)
    metadata = "/.well-known/oauth-authorization-server"
    yield _asked("metadata", connection, "GET", metadata, lambda found: checks.metadata(found, connection.url))
    if issuer is not None:
        target = f"/v1/audience?issuer={quote(issuer, safe='')}"
        yield _asked("audience", connection, "GET", target, lambda found: checks.audience(found, issuer))
    if token is not None:
        target = "/v1/explain" + ("" if registry is None else f"?registry={quote(registry, safe='')}")
        judge = partial(checks.explanation, host=host, for_all=registry is None)
        yield _asked("token", connection, "POST", target, judge, token=token)


def _reach(connection: Connection, clock: Clock) -> Iterator[Check]:
    url = connection.url
    if url.is_tls:
        yield ok("address", url.text)
    else:
        yield warning("address", f"{url.text} does not use TLS", "use it only for a service on this machine")
    try:
        found = connection.look_up()
    except (OSError, UnicodeError) as error:
        why = error.strerror.lower() if isinstance(error, OSError) and error.strerror else error
        yield failed(
            "dns", f"{url.host} was not found: {why}", "check the name's DNS record, and this machine's resolver"
        )
        return
    yield ok("dns", f"{url.host} is {', '.join(found)}")
    try:
        if url.is_tls:
            yield checks.certificate(connection.certificate_end(), now=clock.now())
        else:
            connection.connect()
    except ssl.SSLCertVerificationError as error:
        yield failed("tls", f"the certificate is refused: {error.verify_message}", _certificate_advice(error))
    except ssl.SSLError as error:
        yield failed("tls", f"no TLS: {error.reason or error}", "check that the port is one for HTTPS")
    except OSError as error:
        yield failed(
            "connection",
            f"port {url.port} does not answer: {(error.strerror or str(error)).lower()}",
            "check that the service is deployed, and what firewalls, proxies and private networks let through",
        )


def _certificate_advice(error: ssl.SSLCertVerificationError) -> str:
    message = error.verify_message.lower()
    if "expired" in message:
        return "renew the certificate; if it is valid for others, this machine's clock is wrong"
    if "hostname" in message or "ip address" in message:
        return "use a name that is in the certificate, or get a certificate for this name"
    return (
        "use a certificate from a public authority, or pass your authority's with --ca-bundle, and give it to the "
        "pipelines too"
    )


def _asked(
    name: str,
    connection: Connection,
    method: str,
    target: str,
    judge: Callable[[Reply], Check],
    *,
    token: str | None = None,
) -> Check:
    try:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        reply = connection.ask(method, target, headers=headers)
    except NoReply as error:
        return _no_reply(name, error)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return warning(name, "the service gets too many requests", "try again later, and check its throttling")
    return judge(reply)


def _no_reply(name: str, error: NoReply) -> Check:
    return failed(name, f"no answer: {error}", "try again; if it fails again, read the service's log")


def _without(check: Check, token: str) -> Check:
    """Return `check` without any part of the token: what answered may have sent it back."""
    parts = [part for part in sorted({token, *token.split(".")}, key=len, reverse=True) if len(part) >= _PART_LENGTH]

    def cut(text: str) -> str:
        for part in parts:
            text = text.replace(part, "(the token)")
        return text

    return replace(check, found=cut(check.found), advice=cut(check.advice))

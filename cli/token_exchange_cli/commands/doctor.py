"""`doctor`: examines a deployed service as a pipeline would see it."""

import os
import re
from typing import Final

import click
from rich.console import Console

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.ports import Json
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.doctor.checks import Check, Outcome
from token_exchange_cli.doctor.connection import Connection, service_url
from token_exchange_cli.doctor.examination import examine
from token_exchange_cli.inputs import input_name, read_input
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import console, line, print_json, remark
from token_exchange_cli.values import BadValue, check_host, unknown_region

_MAX_BUNDLE_BYTES: Final = 1024 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_STYLES: Final[dict[Outcome, str]] = {"ok": "green", "warning": "bold yellow", "failed": "bold red"}


@click.command("doctor")
@click.argument("url", metavar="URL")
@click.option("--issuer", metavar="URL", help="Ask for the audience that tokens of this issuer need.")
@click.option("--token-env", metavar="NAME", help="Ask what the token in this environment variable would get.")
@click.option("--registry", metavar="NAME", help="Ask for this registry, as the pipeline's step does.")
@click.option("--host", metavar="HOST", help="Check that the login is for this registry, to which the pipeline pushes.")
@click.option("--ca-bundle", metavar="FILE", help="Certificates in PEM to trust instead of this machine's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    url: str,
    issuer: str | None,
    token_env: str | None,
    registry: str | None,
    host: str | None,
    ca_bundle: str | None,
    as_json: bool,
) -> None:
    """Examine the service at URL: its address, certificate, policy, clock and metadata.

    With a token, the service explains what it would get; nothing is minted or spent. The token comes from an
    environment variable and is never printed. No proxy is used.

    Exit status: 0 no check failed, 1 a check failed, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange doctor https://exchange.acme.example
      token-exchange doctor https://exchange.acme.example --token-env ECR_TOKEN --registry apps
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    try:
        address = service_url(url)
    except BadValue as error:
        raise click.BadParameter(str(error), param_hint="URL") from error
    if issuer is not None and not issuer.startswith("https://"):
        raise click.BadParameter("expected the issuer's URL, https://HOST/PATH", param_hint="--issuer")
    for option, value in (("--registry", registry), ("--host", host)):
        if value is not None and token_env is None:
            raise click.BadParameter("it is checked with a token, so --token-env is required", param_hint=option)
    if host is not None:
        _check_host(host)
    token = None if token_env is None else _token(token_env)
    clock = SystemClock()
    connection = Connection(address, ca_bundle=_bundle(ca_bundle), clock=clock)
    output = console()
    found: list[Check] = []
    for check in examine(connection, issuer=issuer, token=token, registry=registry, host=host, clock=clock):
        found.append(check)
        if not as_json:
            _print(output, check)
    if as_json:
        checks: list[Json] = [
            {"name": one.name, "outcome": one.outcome, "found": one.found, "advice": one.advice or None}
            for one in found
        ]
        print_json({"url": address.text, "checks": checks})
    has_failed = any(check.outcome == "failed" for check in found)
    context.exit(Status.NO if has_failed else Status.FINE)


def _print(output: Console, check: Check) -> None:
    advice = f"; {check.advice}" if check.advice else ""
    output.print(
        line(
            (f"{check.outcome:8}", _STYLES[check.outcome]),
            f"{check.name:11}{escape_non_ascii(check.found)}{escape_non_ascii(advice)}",
        )
    )


def _check_host(host: str) -> None:
    """Check the form of the host.

    Raises:
        click.BadParameter: it cannot be the host of a registry.
    """
    try:
        check_host(host)
    except BadValue as error:
        raise click.BadParameter(str(error), param_hint="--host") from error
    if (unknown := unknown_region(host)) is not None:
        remark(unknown)


def _token(name: str) -> str:
    """Return the token in the variable `name`; no message shows what it has.

    Raises:
        click.BadParameter: there is no such variable, or no token in it.
    """
    token = os.environ.get(name, "").strip()
    if not token:
        raise click.BadParameter(
            f"the variable {escape_non_ascii(name)} is not set, or empty", param_hint="--token-env"
        )
    if not _TOKEN.fullmatch(token):
        raise click.BadParameter(f"the variable {escape_non_ascii(name)} holds no token", param_hint="--token-env")
    return token


def _bundle(file: str | None) -> str | None:
    """Return the certificates in `file`.

    Raises:
        Unusable: it cannot be read, or has none.
    """
    if file is None:
        return None
    text = read_input(file, max_bytes=_MAX_BUNDLE_BYTES).decode("ascii", "replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise Unusable(f"{input_name(file)}: no certificates in PEM")
    return text

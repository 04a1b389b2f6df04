"""`token inspect`: show the contents of a token, and whether its issuer signed it."""

from collections.abc import Mapping

import click
from rich.console import Console

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.ports import Json
from token_exchange_cli.console import Status
from token_exchange_cli.explain.callers import read_token
from token_exchange_cli.inputs import STANDARD_INPUT, load_policy_argument
from token_exchange_cli.safe_text import ascii_json, escape_non_ascii
from token_exchange_cli.terminal import console, line, print_json
from token_exchange_cli.tokens.inspection import Inspection, inspect_token


@click.command("inspect")
@click.argument("token_file", metavar="[FILE]", default=STANDARD_INPUT)
@click.option("--policy", "policy_file", metavar="FILE", help="Verify the token against the issuers of this policy.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(context: click.Context, *, token_file: str, policy_file: str | None, as_json: bool) -> None:
    """Show the contents of the token in FILE, and verify it.

    Without FILE, the token is read from standard input. It is never printed. With a policy, it is verified as the
    service would verify it now; keys that the policy does not pin are fetched from the issuer, over the network.

    Exit status: 0 success, 1 the token could not be verified against the given policy, 2 wrong usage or unreadable
    input.

    \b
    Examples:
      printf %s "$TOKEN" | token-exchange token inspect
      token-exchange token inspect token.jwt --policy policy.yaml --json
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    token = read_token(token_file)
    policy = None if policy_file is None else load_policy_argument(policy_file)
    inspection = inspect_token(token, policy, clock=SystemClock())
    if as_json:
        print_json(inspection.fields())
    else:
        _print_text(inspection)
    context.exit(Status.FINE if policy is None or inspection.verified else Status.NO)


def _print_text(inspection: Inspection) -> None:
    output = console()
    output.print(
        line(
            _word(inspection.verified), "" if inspection.reason is None else f": {escape_non_ascii(inspection.reason)}"
        )
    )
    output.print(line(("provider", "bold"), f" {inspection.provider or 'not known from the issuer'}"))
    _print_fields(output, "times", inspection.times)
    _print_fields(output, "vocabulary", inspection.vocabulary)
    _print_fields(output, "header", inspection.header)
    _print_fields(output, "claims", inspection.claims)


def _word(verified: bool | None) -> tuple[str, str]:  # noqa: FBT001 - it is the answer, not a switch
    if verified is None:
        return ("unverified", "bold yellow")
    return ("verified", "bold green") if verified else ("not verified", "bold red")


def _print_fields(output: Console, title: str, fields: Mapping[str, Json]) -> None:
    if not fields:
        return
    output.print(line(""))
    output.print(line((title, "bold")))
    for name, value in fields.items():
        output.print(line((f"{escape_non_ascii(name):24}", "dim"), f" {ascii_json(value)}", indent=2))

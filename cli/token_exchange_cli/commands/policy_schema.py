"""`policy schema`: print the JSON Schema of policies."""

import click

from token_exchange_cli.schema.document import policy_schema
from token_exchange_cli.terminal import print_json


@click.command("schema")
@click.option("--json", "_as_json", is_flag=True, help="Accepted for consistency: the schema is always JSON.")
def command(*, _as_json: bool) -> None:
    """Print the JSON Schema of a policy, for editors and other tools.

    It uses draft 2020-12. Every policy that loads is valid against it; policy lint finds more.

    Exit status: 0 success, 2 wrong usage.

    \b
    Examples:
      token-exchange policy schema > policy.schema.json
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    print_json(policy_schema())

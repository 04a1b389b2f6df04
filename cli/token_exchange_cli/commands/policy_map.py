"""`policy map`: draw who can reach what, as one page."""

import click

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.ports import Json
from token_exchange.core.session import utc_second
from token_exchange_cli.inputs import input_name, load_policy_argument
from token_exchange_cli.policy_map.document import map_page
from token_exchange_cli.reachable import AccessQuery, grants_reaching, path_fields
from token_exchange_cli.terminal import json_text, write_output


@click.command("map")
@click.argument("policy_file", metavar="FILE")
@click.option(
    "-o", "--output", metavar="FILE", default="-", help="Where to write the page.  [default: standard output]"
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON document instead, with the fields of `policy who`."
)
def command(*, policy_file: str, output: str, as_json: bool) -> None:
    """Draw who can reach which role and registry under the policy FILE, as one HTML page.

    The page works without a network. You can filter it by words, such as an organization, a repository or an account.
    Grants in report mode, expired grants and deny rules are listed, but not drawn.

    Exit status: 0 success, 2 wrong usage, unreadable input or a page that cannot be written.

    \b
    Examples:
      token-exchange policy map policy.yaml -o map.html
      token-exchange policy map policies/ > map.html
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    policy = load_policy_argument(policy_file)
    now = SystemClock().now()
    paths = grants_reaching(policy, AccessQuery(role=None, repository=None, registry=None), now=now)
    if as_json:
        fields: dict[str, Json] = {
            "grants": [path_fields(path) for path in paths.open],
            "in_report_mode": [*paths.in_report_mode],
            "expired": [*paths.expired],
        }
        write_output(output, json_text(fields))
    else:
        write_output(output, map_page(policy, paths, name=input_name(policy_file), at=utc_second(int(now))))

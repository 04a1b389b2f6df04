"""`roles`: print the IAM roles that a policy needs, as CloudFormation."""

import re

import click

from token_exchange.adapters.settings import SystemClock
from token_exchange_cli.console import Refusal
from token_exchange_cli.inputs import load_policy_argument, yaml_text
from token_exchange_cli.roles.arns import RoleArn, role_arn
from token_exchange_cli.roles.needs import Needs, RoleNeed, needs_of
from token_exchange_cli.roles.rights import Unbounded
from token_exchange_cli.roles.template import problems, remarks, template_of
from token_exchange_cli.terminal import print_json, remark


@click.command("roles")
@click.argument("policy_file", metavar="FILE")
@click.option("--account", metavar="ID", help="Only the roles of this account.")
@click.option("--broker-role", metavar="ARN", help="The service's own role; otherwise a parameter of the template.")
@click.option("--json", "as_json", is_flag=True, help="Print the template as JSON.")
def command(*, policy_file: str, account: str | None, broker_role: str | None, as_json: bool) -> None:
    """Print a CloudFormation template of the IAM roles that the policy FILE needs.

    Each role trusts only the service, and allows only what its grants can give. The template is the same for every
    account: each account creates only its own roles, so one stack set serves all of them.

    Exit status: 0 success, 1 AWS would reject the roles, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange roles policy.yaml > roles.yaml
      token-exchange roles policy.yaml --account 111122223333 --broker-role arn:aws:iam::111122223333:role/exchange
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    broker = _broker(broker_role)
    if account is not None and not re.fullmatch(r"[0-9]{12}", account, re.ASCII):
        raise click.BadParameter("expected the 12 digits of an account", param_hint="--account")
    needs = needs_of(load_policy_argument(policy_file), now=SystemClock().now())
    if needs.expired:
        remark(f"expired, so they get no role: {', '.join(needs.expired)}")
    if needs.not_yet:
        remark(f"in report mode, so no role trusts their tokens yet: {', '.join(needs.not_yet)}")
    roles = _of_account(needs, account)
    found = list(problems(roles, broker=broker))
    if found:
        raise Refusal("\n".join(found))
    try:
        template = template_of(roles, broker=broker_role)
        for text in remarks(roles, template):
            remark(text)
    except Unbounded as error:
        raise Refusal(
            f"{error.grant}: nothing in it says whose tokens of {error.issuer} the role may trust: {error.missing}"
        ) from error
    if as_json:
        print_json(template)
    else:
        click.echo(yaml_text(template), nl=False)


def _broker(text: str | None) -> RoleArn | None:
    if text is None:
        return None
    found = role_arn(text)
    if found is None:
        raise click.BadParameter("expected arn:aws:iam::ACCOUNT:role/NAME", param_hint="--broker-role")
    return found


def _of_account(needs: Needs, account: str | None) -> list[RoleNeed]:
    roles = [role for role in needs.roles if account in (None, role.arn.account)]
    if roles:
        return roles
    if not needs.roles:
        raise Refusal("no grant names a role")
    accounts = ", ".join(sorted({role.arn.account for role in needs.roles}))
    raise Refusal(f"no grant names a role of account {account}; the policy's are in {accounts}")

"""`roles`: print the IAM roles that a policy needs, as CloudFormation."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.ports import Json
from token_exchange_cli.console import Refusal
from token_exchange_cli.inputs import load_policy_argument, yaml_text
from token_exchange_cli.roles.arns import RoleArn, role_arn
from token_exchange_cli.roles.folder import present_parts, write_parts
from token_exchange_cli.roles.needs import Needs, RoleNeed, needs_of
from token_exchange_cli.roles.parts import MAX_INLINE_BYTES, outgrown, parts_of
from token_exchange_cli.roles.rights import Unbounded
from token_exchange_cli.roles.template import problems, remarks, template_of
from token_exchange_cli.terminal import remark


@click.command("roles")
@click.argument("policy_file", metavar="FILE")
@click.option("--account", metavar="ID", help="Only the roles of this account.")
@click.option(
    "--broker-role",
    "broker_roles",
    metavar="ARN",
    multiple=True,
    help="A role of the service; can be repeated; otherwise, a parameter of the template.",
)
@click.option(
    "--directory",
    metavar="DIR",
    help="Write as many JSON templates as the roles need; a role stays in the file that has it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the template as JSON.")
def command(
    *, policy_file: str, account: str | None, broker_roles: Sequence[str], directory: str | None, as_json: bool
) -> None:
    """Print a CloudFormation template of the IAM roles that the policy FILE needs.

    Each role trusts only the service, and allows only what its grants can give. The template is the same for every
    account: each account creates only its own roles, so one stack set serves all of them.

    Exit status: 0 success, 1 AWS would reject the roles, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange roles policy.yaml > roles.yaml
      token-exchange roles policy.yaml --account 111122223333 --broker-role arn:aws:iam::111122223333:role/exchange
      token-exchange roles policy.yaml --directory roles
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    brokers = [_broker(text) for text in dict.fromkeys(broker_roles)]
    if account is not None and not re.fullmatch(r"[0-9]{12}", account, re.ASCII):
        raise click.BadParameter("expected the 12 digits of an account", param_hint="--account")
    if directory is not None and (account is not None or as_json):
        raise click.UsageError("--directory writes the roles of all accounts, as JSON: omit --account and --json")
    needs = needs_of(load_policy_argument(policy_file), now=SystemClock().now())
    if needs.expired:
        remark(f"expired, so they get no role: {', '.join(needs.expired)}")
    if needs.not_yet:
        remark(f"in report mode, so no role trusts their tokens yet: {', '.join(needs.not_yet)}")
    roles = _of_account(needs, account)
    found = list(problems(roles, brokers=brokers))
    if found:
        raise Refusal("\n".join(found))
    arns = [broker.text for broker in brokers]
    try:
        if directory is None:
            _print(template_of(roles, brokers=arns), as_json=as_json)
        else:
            _write(Path(directory), roles, brokers=arns)
        for text in remarks(roles, brokers=arns):
            remark(text)
    except Unbounded as error:
        raise Refusal(
            f"{error.grant}: nothing in it says whose tokens of {error.issuer} the role may trust: {error.missing}"
        ) from error


def _print(template: Mapping[str, Json], *, as_json: bool) -> None:
    text = json.dumps(template, indent=2) + "\n" if as_json else yaml_text({**template})
    if excess := outgrown(text, template):
        raise Refusal(f"the template would have {excess}: use --directory, which writes several, or --account")
    click.echo(text, nl=False)
    if len(text.encode()) > MAX_INLINE_BYTES:
        remark(
            f"the template has more than {MAX_INLINE_BYTES} bytes: upload it to S3 and deploy it with --template-url, "
            "or use --account"
        )


def _write(folder: Path, roles: Sequence[RoleNeed], *, brokers: Sequence[str]) -> None:
    templates = parts_of(roles, brokers=brokers, present=present_parts(folder))
    for written in write_parts(folder, templates):
        click.echo(f"{written.path}: {written.roles} roles")
        if written.roles == 0:
            remark(
                f"{written.path} has no role any more; its stack set still needs this template, to delete the old roles"
            )


def _broker(text: str) -> RoleArn:
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

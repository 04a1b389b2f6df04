"""`policy who`: everybody who can reach a role, a registry or a repository."""

import re
from collections.abc import Iterator
from typing import Final

import click
from rich.text import Text

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.policy import Policy
from token_exchange.core.reach import parse_repository_name
from token_exchange.core.refusals import quoted
from token_exchange.core.registries import Registry
from token_exchange.core.vocabulary import spelled
from token_exchange.loading.fields import did_you_mean
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import load_policy_argument
from token_exchange_cli.reachable import Wanted, Way, Ways, kind_of_login, organization_fields, way_fields, ways_to
from token_exchange_cli.roles.arns import role_arn
from token_exchange_cli.terminal import console, line, print_json, remark, shown, value_text

_HOST: Final = re.compile(r"[0-9]{12}\.dkr[.-]ecr[.-][^/]*/|public\.ecr\.aws/|[^/]*:[0-9]+/")


@click.command("who")
@click.argument("policy_file", metavar="FILE")
@click.option("--role", metavar="ARN", help="Who can have sessions of this IAM role.")
@click.option("--repository", metavar="NAME", help="Who can pull or push this repository.")
@click.option("--registry", metavar="NAME", help="Who can have logins to this registry; its name or host.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, policy_file: str, role: str | None, repository: str | None, registry: str | None, as_json: bool) -> None:
    """Say who can reach a role, a repository or a registry by the policy FILE.

    Of several options each has to be met. A template counts for every repository that it could stand for, whoever
    asks, so the answer names rather too many than too few. Deny rules are not counted.

    Exit status: 0 fine, also where it is nobody, 2 wrong use or input that cannot be read.

    \b
    Examples:
      token-exchange policy who policy.yaml --repository ci/acme/shop --registry apps
      token-exchange policy who policy.yaml --role arn:aws:iam::111122223333:role/ci-ecr-push --json
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if role is None and repository is None and registry is None:
        raise click.UsageError("give at least one of --role, --repository and --registry")
    if repository is not None and (expected := _no_repository(repository)) is not None:
        raise click.UsageError(f"--repository: {expected}, found {quoted(repository)}")
    if role is not None and role_arn(role) is None:
        raise click.UsageError(f"--role: expected arn:aws:iam::ACCOUNT:role/NAME, found {quoted(role)}")
    policy = load_policy_argument(policy_file)
    wanted = Wanted(role=role, repository=repository, registry=_registry(policy, registry))
    ways = ways_to(policy, wanted, now=SystemClock().now())
    for text in _remarks(policy, wanted, ways):
        remark(text)
    if as_json:
        print_json({"grants": [way_fields(way) for way in ways.open]})
        return
    output = console()
    for way in ways.open:
        for one in _lines(way):
            output.print(one)
    if not ways.open:
        output.print(line("nobody"))


def _registry(policy: Policy, name: str | None) -> Registry | None:
    if name is None:
        return None
    registry = policy.registries_by_name_or_host.get(name)
    if registry is None:
        raise Unusable(
            f"no registry has the name or host {name}{did_you_mean(name, policy.registries_by_name_or_host)}"
        )
    return registry


def _no_repository(text: str) -> str | None:
    """Return what is expected instead of `text`, which may be copied from an image's reference; None where it fits."""
    expected = "expected the name of an ECR repository"
    # The host of a registry has the form of a name, too.
    if _HOST.match(text):
        return f"{expected} without the registry's host"
    try:
        parse_repository_name(text)
    except ValueError:
        if ":" in text or "@" in text:
            return f"{expected} without a tag or digest"
        return f"{expected}, such as team/app in lower case"
    return None


def _remarks(policy: Policy, wanted: Wanted, ways: Ways) -> Iterator[str]:
    roles = {grant.terms.role for grant in policy.grants if grant.terms is not None}
    if wanted.role is not None and wanted.role not in roles:
        # An answer of nobody is believed in an incident, and would be the same for a misspelt name.
        yield f"no grant names the role {wanted.role}{did_you_mean(wanted.role, roles)}"
    if ways.in_report_mode:
        yield f"in report mode, and so no way yet: {', '.join(ways.in_report_mode)}"
    if ways.expired:
        yield f"expired: {', '.join(ways.expired)}"
    if ways.unbounded:
        yield f"these give stored logins, which nothing bounds to repositories: {', '.join(ways.unbounded)}"
    if policy.deny and ways.open:
        yield f"runs that a deny rule refuses are not taken out: {', '.join(rule.name for rule in policy.deny)}"


def _lines(way: Way) -> Iterator[Text]:
    grant = way.grant
    yield line((grant.name, "bold"), f": {kind_of_login(way)}")
    yield line(f"issuers {', '.join(way.issuers)}", indent=2)
    for organization in way.organizations:
        named = " ".join(f"{key} {shown(str(value))}" for key, value in organization_fields(organization).items())
        yield line(f"organization {named}", indent=2)
    for condition in grant.conditions:
        section, *path = condition.document_path
        name = spelled(tuple(map(shown, path)))
        yield line(f"{'' if section == 'match' else 'claims '}{name} {value_text(condition.expected)}", indent=2)
    fields = way_fields(way)
    for key in ("role", "repositories", "also_pull", "duration"):
        value = fields[key]
        if value:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield line(f"{key} {text}", indent=2)

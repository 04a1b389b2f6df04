"""`policy who`: list who can reach a role, a registry or a repository."""

import re
from collections.abc import Iterator
from typing import Final

import click
from rich.text import Text

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.policy import Policy, Registry
from token_exchange.core.reach import parse_repository_name
from token_exchange.core.refusals import quoted
from token_exchange.core.vocabulary import spelled
from token_exchange.loading.fields import did_you_mean
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import load_policy_argument
from token_exchange_cli.reachable import (
    AccessQuery,
    GrantPath,
    GrantPaths,
    grants_reaching,
    login_description,
    organization_fields,
    path_fields,
)
from token_exchange_cli.roles.arns import role_arn
from token_exchange_cli.safe_text import ascii_json, escape_non_ascii
from token_exchange_cli.terminal import console, line, print_json, remark

_HOST: Final = re.compile(r"[0-9]{12}\.dkr[.-]ecr[.-][^/]*/|public\.ecr\.aws/|[^/]*:[0-9]+/")


@click.command("who")
@click.argument("policy_file", metavar="FILE")
@click.option("--role", metavar="ARN", help="Who can get sessions of this IAM role.")
@click.option("--repository", metavar="NAME", help="Who can pull or push this repository.")
@click.option("--registry", metavar="NAME", help="Who can get logins to this registry (name or host).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, policy_file: str, role: str | None, repository: str | None, registry: str | None, as_json: bool) -> None:
    """List who can reach a role, a repository or a registry under the policy FILE.

    A grant must match all given options. A template counts for every repository name it could produce, so the answer
    may list too many grants, but never too few. Deny rules are not taken into account.

    Exit status: 0 success, also with an empty list, 2 wrong usage or unreadable input.

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
    query = AccessQuery(role=role, repository=repository, registry=_registry(policy, registry))
    paths = grants_reaching(policy, query, now=SystemClock().now())
    for text in _remarks(policy, query, paths):
        remark(text)
    if as_json:
        print_json({"grants": [path_fields(path) for path in paths.open]})
        return
    output = console()
    for path in paths.open:
        for one in _lines(path):
            output.print(one)
    if not paths.open:
        output.print(line("no one"))


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


def _remarks(policy: Policy, query: AccessQuery, paths: GrantPaths) -> Iterator[str]:
    roles = {grant.terms.role for grant in policy.grants if grant.terms is not None}
    if query.role is not None and query.role not in roles:
        # In an incident, people believe the answer "no one"; a misspelt name would give the same.
        yield f"no grant names the role {query.role}{did_you_mean(query.role, roles)}"
    if paths.in_report_mode:
        yield f"not in force (report mode): {', '.join(paths.in_report_mode)}"
    if paths.expired:
        yield f"expired: {', '.join(paths.expired)}"
    if paths.unbounded:
        yield f"stored logins, which are not limited to repositories: {', '.join(paths.unbounded)}"
    if policy.deny and paths.open:
        yield f"includes runs that these deny rules refuse: {', '.join(rule.name for rule in policy.deny)}"


def _lines(path: GrantPath) -> Iterator[Text]:
    grant = path.grant
    yield line((grant.name, "bold"), f": {login_description(path)}")
    yield line(f"issuers {', '.join(path.issuers)}", indent=2)
    for organization in path.organizations:
        named = " ".join(
            f"{key} {escape_non_ascii(str(value))}" for key, value in organization_fields(organization).items()
        )
        yield line(f"organization {named}", indent=2)
    for condition in grant.conditions:
        section, *rest = condition.document_path
        name = spelled(tuple(map(escape_non_ascii, rest)))
        yield line(f"{'' if section == 'match' else 'claims '}{name} {ascii_json(condition.expected)}", indent=2)
    fields = path_fields(path)
    for key in ("role", "repositories", "also_pull", "duration"):
        value = fields[key]
        if value:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield line(f"{key} {text}", indent=2)

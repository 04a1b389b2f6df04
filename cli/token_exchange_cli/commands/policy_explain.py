"""`policy explain`: what a policy decides about one run, and why."""

from collections.abc import Iterator

import click

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.decision import AccessRequest
from token_exchange.core.policy import Policy
from token_exchange.loading.fields import did_you_mean
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.explain.callers import (
    NotARecord,
    Presented,
    presented_claims,
    presented_record,
    presented_token,
    read_token,
)
from token_exchange_cli.explain.explanation import Explanation, explained, explanation_fields, explanation_lines
from token_exchange_cli.inputs import input_name, load_policy_argument, read_json_object
from token_exchange_cli.request_options import access_request, request_options
from token_exchange_cli.terminal import console, print_json, remark


@click.command("explain")
@click.argument("policy_file", metavar="FILE")
@click.option("--token", metavar="FILE", help="A token; its signature is not checked.")
@click.option("--claims", metavar="FILE", help="A JSON object of claims; issuer, audience and times are filled in.")
@click.option("--audit-line", metavar="FILE", help="An audit line of the service, one JSON object.")
@click.option("--issuer", metavar="NAME", help="The issuer entry of the policy to use.")
@request_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(  # noqa: PLR0913 - as many as there are options
    context: click.Context,
    *,
    policy_file: str,
    token: str | None,
    claims: str | None,
    audit_line: str | None,
    issuer: str | None,
    registries: tuple[str, ...],
    grant: str | None,
    scope: str | None,
    as_json: bool,
) -> None:
    """Explain what the policy FILE decides about one run.

    The run is given as a token, as claims or as an audit line. The decision is the one that the service would make.
    Without --registry, --grant and --scope, an audit line's own request is decided again.
    Every grant that the request is about is shown with its conditions: those that win first, then the nearest.

    Exit status: 0 granted, 1 denied, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy explain policy.yaml --claims claims.json --issuer github
      token-exchange policy explain policy.yaml --token token.jwt --registry apps
      token-exchange policy explain policy.yaml --audit-line line.json --json
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    given = access_request(registries, grant, scope)
    policy = load_policy_argument(policy_file)
    presented = _presented(policy, token=token, claims=claims, audit_line=audit_line, issuer=issuer)
    ask = (presented.asked or given) if given == AccessRequest() else given
    explanation = explained(policy, presented, ask)
    for text in (*explanation.remarks, *_misspelt(policy, ask)):
        remark(text)
    if as_json:
        print_json(explanation_fields(explanation))
    else:
        _print_text(explanation)
    context.exit(Status.FINE if explanation.is_granted else Status.NO)


def _misspelt(policy: Policy, ask: AccessRequest) -> Iterator[str]:
    """Yield which names of the policy could be meant by those that it does not have."""
    for registry in ask.registries:
        if registry not in policy.registries_by_name_or_host:
            advice = did_you_mean(registry, policy.registries_by_name_or_host)
            yield f"the policy has no registry {registry}{advice}"
    if ask.grant is not None and ask.grant not in policy.grant_names:
        yield f"the policy has no grant {ask.grant}{did_you_mean(ask.grant, (grant.name for grant in policy.grants))}"


def _presented(
    policy: Policy, *, token: str | None, claims: str | None, audit_line: str | None, issuer: str | None
) -> Presented:
    now = SystemClock().now()
    match token, claims, audit_line:
        case str(), None, None:
            return presented_token(policy, read_token(token), issuer=issuer, now=now)
        case None, str(), None:
            return presented_claims(policy, read_json_object(claims), issuer=issuer, now=now)
        case None, None, str():
            try:
                return presented_record(policy, read_json_object(audit_line), issuer=issuer, now=now)
            except NotARecord as error:
                raise Unusable(f"{input_name(audit_line)}: {error}") from error
        case _:
            raise click.UsageError("give exactly one of --token, --claims and --audit-line")


def _print_text(explanation: Explanation) -> None:
    output = console()
    for one in explanation_lines(explanation):
        output.print(one)

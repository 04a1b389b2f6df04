"""`policy import`: a policy made of IAM trust policies."""

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

import click

from token_exchange.core.ports import Json
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange_cli.input_files import STANDARD_INPUT, shown_name
from token_exchange_cli.json_input import read_json_object
from token_exchange_cli.statuses import Refusal, Unusable
from token_exchange_cli.terminal import print_json, remark
from token_exchange_cli.trust_import.assembly import Found, policy_of, unknowns
from token_exchange_cli.trust_import.conditions import Remark
from token_exchange_cli.trust_import.documents import NoTrustPolicy, TrustDocument, trust_documents
from token_exchange_cli.trust_import.grants import grants_of
from token_exchange_cli.trust_import.issuers import IssuerForm, issuer_form
from token_exchange_cli.trust_import.statements import Trust, trusts_of
from token_exchange_cli.trust_import.values import NotSayable, Value
from token_exchange_cli.yaml_text import yaml_text

_MAX_BYTES: Final = 64 * 1024 * 1024
"""All roles of a large account are a few."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@click.command("import")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--issuer-name", metavar="NAME", help="What the issuer entry is to be called.")
@click.option("--json", "as_json", is_flag=True, help="Print the policy as JSON.")
def command(*, files: tuple[str, ...], issuer_name: str | None, as_json: bool) -> None:
    """Make a policy of IAM trust policies for OIDC tokens.

    FILE is a trust policy, or what aws iam get-role or list-roles prints. Whoever the policy lets in, the trust
    policies let in, too; what they do not say, such as repositories, stands as replace-me and gives nothing. Remarks
    name what was dangerous, and what was left out.

    Exit status: 0 fine, 1 nothing in them can be said in a policy, 2 wrong use or input that cannot be read.

    \b
    Examples:
      token-exchange policy import trust.json > policy.yaml
      aws iam get-role --role-name ci-push | token-exchange policy import - --issuer-name github
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if issuer_name is not None and not _NAME.fullmatch(issuer_name):
        raise click.BadParameter("expected letters, digits and ._-, at most 100", param_hint="--issuer-name")
    found = [one for file in files for one in _found(file)]
    if not found:
        raise Refusal("nothing in it lets in tokens of a CI system that a policy can name")
    policy = policy_of(found, issuer_name=issuer_name)
    problems = _problems(policy)
    if problems:
        raise Refusal("\n".join(f"the policy would not load: {problem}" for problem in problems))
    for text in unknowns(found):
        remark(text)
    if as_json:
        print_json(policy)
    else:
        click.echo(yaml_text(policy), nl=False)


def _found(file: str) -> Iterator[Found]:
    def say(text: str) -> None:
        remark(f"{shown_name(file)}: {text}")

    try:
        documents = list(trust_documents(read_json_object(file, max_bytes=_MAX_BYTES)))
    except NoTrustPolicy as error:
        raise Unusable(f"{shown_name(file)}: {error}") from error
    source = "standard-input" if file == STANDARD_INPUT else PurePath(file).stem
    for document in documents:
        yield from _of_document(document, source, say)


def _of_document(document: TrustDocument, source: str, say: Remark) -> Iterator[Found]:
    trusts = list(trusts_of(document, remark=say))
    for trust in trusts:
        try:
            form = _form(trust, trusts)
            grants = list(grants_of(trust, form, remark=say))
            for grant in grants:
                for demand in (*grant.match.values(), *grant.claims.values()):
                    demand.condition()
        except NotSayable as error:
            say(f"{trust.place}: left out: {error}")
            continue
        for grant in grants:
            one = Found(form=form, provider=trust.provider, role=document.role, source=source, wanted=grant)
            problems = _problems(policy_of([one], issuer_name=None))
            if problems:
                say(f"{trust.place}: left out, since no policy would load with it: {'; '.join(problems)}")
            else:
                yield one


def _problems(policy: dict[str, Json]) -> list[str]:
    """Return what keeps `policy` from loading: a trust policy can hold names and texts that ours takes nowhere."""
    try:
        load_policy(yaml_text(policy).encode(), name="policy.yaml", read_file=None)
    except PolicyUnusable as unusable:
        return [str(problem) for problem in unusable.problems]
    return []


def _form(trust: Trust, trusts: list[Trust]) -> IssuerForm:
    address = trust.provider.address
    subjects: list[Value] = []
    for one in trusts:
        demand = one.demands.get("sub")
        if one.provider.address == address and demand is not None and demand.among is not None:
            subjects += demand.among
    return issuer_form(address, subjects)

"""`policy import`: convert IAM trust policies to a policy."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import click

from token_exchange.core.ports import Json
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange_cli.console import Refusal, Unusable
from token_exchange_cli.inputs import STANDARD_INPUT, input_name, read_json_object, yaml_text
from token_exchange_cli.subjects.iam_patterns import NotSayable, Value
from token_exchange_cli.terminal import print_json, remark
from token_exchange_cli.trust_import.assembly import Found, policy_of, unknowns
from token_exchange_cli.trust_import.grants import grants_of
from token_exchange_cli.trust_import.issuers import issuer_form
from token_exchange_cli.trust_import.remarks import Remark, Remarks
from token_exchange_cli.trust_import.statements import NoTrustPolicy, Trust, TrustDocument, trust_documents, trusts_of

_MAX_BYTES: Final = 64 * 1024 * 1024
"""The roles of a large account take a few megabytes."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@click.command("import")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--issuer-name", metavar="NAME", help="The name of the issuer entry.")
@click.option("--json", "as_json", is_flag=True, help="Print the policy as JSON.")
def command(*, files: tuple[str, ...], issuer_name: str | None, as_json: bool) -> None:
    """Convert IAM trust policies for OIDC tokens to a policy.

    FILE is a trust policy, or the output of aws iam get-role or list-roles. The policy admits no one whom the trust
    policies keep out. What trust policies do not say, such as repositories, is written as replace-me, which grants
    nothing. A statement that admits no one today, because AWS has no condition key for a claim, becomes a grant with
    mode: report. Remarks name risks, and what was left out.

    Exit status: 0 success, 1 a policy can express nothing in the files, 2 wrong usage or an unreadable file; the policy
    then covers the other files.

    \b
    Examples:
      token-exchange policy import trust.json > policy.yaml
      aws iam get-role --role-name ci-push | token-exchange policy import - --issuer-name github
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if issuer_name is not None and not _NAME.fullmatch(issuer_name):
        raise click.BadParameter("expected letters, digits and ._-, at most 100", param_hint="--issuer-name")
    remarks = Remarks()
    documents, unread = _documents(files)
    found = list(_found(documents, remarks.add))
    for text in remarks.lines():
        remark(text)
    if unread and not found:
        raise Unusable("\n".join(unread))
    if not found:
        raise Refusal("no statement admits tokens of a CI system that a policy can name")
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
    if unread:
        raise Unusable(
            "\n".join(
                [*unread, f"of {len(files)} files {len(unread)} could not be read; the policy above covers the others"]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A trust policy and its file: the name in messages, and the one that names of grants use."""

    file: str
    source: str
    trust: TrustDocument


def _documents(files: Sequence[str]) -> tuple[list[_Document], list[str]]:
    """Return the trust policies in `files`, and the problems of files without any."""
    found: list[_Document] = []
    unread: list[str] = []
    for file in files:
        name = input_name(file)
        source = "standard-input" if file == STANDARD_INPUT else PurePath(file).stem
        try:
            trusts = list(trust_documents(read_json_object(file, max_bytes=_MAX_BYTES)))
        except NoTrustPolicy as error:
            unread.append(f"{name}: {error}")
        except Unusable as error:
            unread.append(error.message)
        else:
            found += [_Document(file=name, source=source, trust=trust) for trust in trusts]
    return found, unread


def _found(documents: Sequence[_Document], remark: Remark) -> Iterator[Found]:
    trusts: list[tuple[_Document, Remark, Trust]] = []
    for document in documents:
        say = _of_file(document.file, remark)
        trusts += [(document, say, trust) for trust in trusts_of(document.trust, remark=say)]
    # Which CI system an issuer is follows from the conditions on its tokens in all files.
    asked = _asked(trust for _, _, trust in trusts)
    for document, say, trust in trusts:
        try:
            form = issuer_form(trust.provider.address, *asked[trust.provider.address])
            grants = list(grants_of(trust, form, remark=say))
            for grant in grants:
                for demand in (*grant.match.values(), *grant.claims.values()):
                    demand.condition()
        except NotSayable as error:
            say(trust.place, f"left out: {error}")
            continue
        if form.doubt is not None:
            say(trust.place, form.doubt)
        for grant in grants:
            one = Found(
                form=form, provider=trust.provider, role=document.trust.role, source=document.source, wanted=grant
            )
            problems = _problems(policy_of([one], issuer_name=None))
            if problems:
                say(trust.place, f"left out, because the policy would not load with it: {'; '.join(problems)}")
            else:
                yield one


def _of_file(file: str, remark: Remark) -> Remark:
    return lambda place, text: remark(f"{file}: {place}", text)


def _problems(policy: dict[str, Json]) -> list[str]:
    """Return what keeps `policy` from loading: a trust policy can contain strings that a policy cannot."""
    try:
        load_policy(yaml_text(policy).encode(), name="policy.yaml", read_file=None)
    except PolicyUnusable as unusable:
        return [str(problem) for problem in unusable.problems]
    return []


def _asked(trusts: Iterable[Trust]) -> dict[str, tuple[list[Value], set[str]]]:
    """Return the subjects and claims that statements demand of each issuer's tokens, by its address."""
    asked: dict[str, tuple[list[Value], set[str]]] = {}
    for trust in trusts:
        subjects, claims = asked.setdefault(trust.provider.address, ([], set()))
        claims.update(trust.demands)
        demand = trust.demands.get("sub")
        subjects += () if demand is None or demand.among is None else demand.among
    return asked

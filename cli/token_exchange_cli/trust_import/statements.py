"""Read IAM trust policies: documents and their statements.

Source: IAM User Guide, "Grammar of the IAM JSON policy language"; IAM API Reference, GetRole, ListRoles and
GetAccountAuthorizationDetails: a policy in a response of the API is URL-encoded by RFC 3986, and the CLI decodes it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.roles.arns import RoleArn, role_arn
from token_exchange_cli.subjects.iam_patterns import NotSayable, Value
from token_exchange_cli.trust_import.conditions import as_list, needs_another_issuer, read_conditions
from token_exchange_cli.trust_import.demand import Demand
from token_exchange_cli.trust_import.remarks import Remark

_TRUST: Final = "AssumeRolePolicyDocument"

_MAX_CHARACTERS: Final = 20_480
"""More than IAM accepts for any trust policy, whatever the quota (IAM User Guide, "IAM and AWS STS quotas")."""

_STATEMENT: Final = frozenset({"Effect", "Principal", "Action"})
"""The elements that every statement has that admits tokens."""

_LISTS: Final = ("Roles", "RoleDetailList")


class NoTrustPolicy(Exception):
    """The object is not a trust policy and contains none; the message says what was expected, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDocument:
    """The statements of a trust policy, its role if known, and its place in the file.

    `is_of_many`: it was listed with those of other roles, most of which no CI system assumes.
    """

    place: str
    is_of_many: bool = False
    role: RoleArn | None
    statements: tuple[Json, ...]


def trust_documents(found: dict[str, Json]) -> Iterator[TrustDocument]:
    """Yield each trust policy in `found`.

    Raises:
        NoTrustPolicy: it is, or holds, something else.
    """
    if "Statement" in found or found.keys() >= _STATEMENT:
        # Tutorials show single statements as often as whole policies.
        whole: dict[str, Json] = found if "Statement" in found else {"Statement": found}
        yield TrustDocument(place="", role=None, statements=_statements(whole, ""))
        return
    if _TRUST in found:
        yield _of_role(found, "")
        return
    role = found.get("Role")
    if isinstance(role, dict) and _TRUST in role:
        yield _of_role(role, "Role.")
        return
    for name in _LISTS:
        roles = found.get(name)
        if isinstance(roles, list):
            for number, each in enumerate(roles):
                if not isinstance(each, dict) or _TRUST not in each:
                    raise NoTrustPolicy(f"{name}[{number}].{_TRUST}: missing")
                yield replace(_of_role(each, f"{name}[{number}]."), is_of_many=True)
            return
    raise NoTrustPolicy(f"expected a trust policy with Statement, one statement, or a role with {_TRUST}")


def _of_role(role: dict[str, Json], place: str) -> TrustDocument:
    here = f"{place}{_TRUST}"
    document = role[_TRUST]
    if isinstance(document, str):
        try:
            document = parse_object(unquote(document, errors="strict").encode(), max_values=None)
        except (NotStrictJson, UnicodeError) as error:
            raise NoTrustPolicy(f"{here}: expected a policy document, URL-encoded or not: {error}") from error
    if not isinstance(document, dict):
        raise NoTrustPolicy(f"{here}: expected a policy document")
    arn = role.get("Arn")
    return TrustDocument(
        place=f"{here}.",
        role=role_arn(arn) if isinstance(arn, str) else None,
        statements=_statements(document, f"{here}."),
    )


def _statements(document: dict[str, Json], place: str) -> tuple[Json, ...]:
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if not listed or not all(isinstance(each, dict) for each in listed):
        raise NoTrustPolicy(f"{place}Statement: expected a statement or a list of them")
    length = len(json.dumps(document, separators=(",", ":")))
    if length > _MAX_CHARACTERS:
        raise NoTrustPolicy(f"{place}Statement: expected at most {_MAX_CHARACTERS} characters, found {length}")
    return tuple(listed)


_ACTION: Final = "sts:assumerolewithwebidentity"
_PROVIDER: Final = re.compile(r"arn:(aws[a-z-]*):iam::([^:]*):oidc-provider/([^\s:]+)")
_ELEMENTS: Final = frozenset({"Sid", "Effect", "Principal", "Action", "Condition"})
_GOOGLE: Final = "accounts.google.com"
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """The issuer that a statement trusts, its URL without the scheme, and the account if known."""

    address: str
    partition: str
    account: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """One statement for one provider: its demand on each claim, by the claim's name.

    `is_met` is false where no one can assume the role by it today.
    """

    place: str
    provider: OidcProvider
    demands: dict[str, Demand]
    is_met: bool


def trusts_of(document: TrustDocument, *, remark: Remark) -> Iterator[Trust]:
    """Yield the statements of `document` that admit web identity tokens.

    What cannot be read, or cannot be expressed, gets a remark and admits no one. A statement that denies narrows all
    other statements, so its whole document is then left out.
    """
    about_tokens = [one for one in document.statements if isinstance(one, dict) and _may_be_about_tokens(one)]
    if document.is_of_many and not about_tokens:
        return
    for number, statement in enumerate(document.statements):
        place = f"{document.place}Statement[{number}]"
        if isinstance(statement, dict) and statement.get("Effect") == "Deny" and _may_be_about_tokens(statement):
            if _denies_nothing(statement):
                remark(place, "left out: this Deny names an iss other than the provider's, so it matches no token")
                continue
            remark(
                place,
                "a Deny narrows all other statements, so this whole policy is left out: if the Allow statements are "
                "enough, remove the Deny from a copy, and import that",
            )
            return
    for number, statement in enumerate(document.statements):
        place = f"{document.place}Statement[{number}]"
        if isinstance(statement, dict) and not (statement.get("Effect") == "Deny" and _denies_nothing(statement)):
            yield from _of_statement(statement, place, remark)


def _denies_nothing(statement: dict[str, Json]) -> bool:
    """Say whether a Deny has a condition that no token of its only provider meets."""
    principal = statement.get("Principal")
    federated = as_list(principal.get("Federated")) if isinstance(principal, dict) and len(principal) == 1 else []
    providers = [_provider(name) for name in federated]
    return bool(providers) and all(
        one is not None and needs_another_issuer(statement.get("Condition"), address=one.address) for one in providers
    )


def _of_statement(statement: dict[str, Json], place: str, remark: Remark) -> Iterator[Trust]:
    if not _may_be_about_tokens(statement):
        remark(place, "left out: not about sts:AssumeRoleWithWebIdentity")
        return
    unknown = sorted(statement.keys() - _ELEMENTS)
    if unknown:
        remark(f"{place}.{unknown[0]}", f"left out with its statement: expected only {', '.join(sorted(_ELEMENTS))}")
        return
    if statement.get("Effect") != "Allow":
        remark(f"{place}.Effect", "left out with its statement: expected Allow or Deny")
        return
    if not all(isinstance(each, str) for each in as_list(statement.get("Action"))):
        remark(f"{place}.Action", "left out with its statement: expected an action or a list of them")
        return
    for provider in _providers(statement.get("Principal"), place, remark):
        try:
            demands = read_conditions(
                statement.get("Condition"), address=provider.address, place=f"{place}.Condition", remark=remark
            )
        except NotSayable as error:
            remark(error.place, f"{error}; {place} is left out for {provider.address}")
            continue
        yield Trust(place=place, provider=provider, demands=demands.by_claim, is_met=demands.is_met)


def _may_be_about_tokens(statement: dict[str, Json]) -> bool:
    """Say whether a statement is about web identity tokens, or cannot be read."""
    return any(
        not isinstance(each, str) or Value(each.lower(), is_pattern=True).takes(_ACTION)
        for each in as_list(statement.get("Action"))
    )


def _providers(principal: Json, place: str, remark: Remark) -> Iterator[OidcProvider]:
    here = f"{place}.Principal"
    if not isinstance(principal, dict):
        remark(here, "left out: expected Federated with the ARN of an OIDC provider")
        return
    for kind, names in principal.items():
        if kind != "Federated":
            remark(f"{here}.{kind}", "left out: not for tokens of a CI system")
            continue
        for name in as_list(names):
            found = _provider(name)
            if found is None:
                remark(
                    f"{here}.Federated",
                    f"left out: expected the ARN of an OIDC provider, found {str(name)[:200]!r}",
                )
            else:
                yield found


def _provider(name: Json) -> OidcProvider | None:
    if name == _GOOGLE:
        return OidcProvider(address=_GOOGLE, partition="aws", account=None)
    form = _PROVIDER.fullmatch(name) if isinstance(name, str) else None
    if form is None:
        return None
    return OidcProvider(address=form[3], partition=form[1], account=form[2] if _ACCOUNT.fullmatch(form[2]) else None)

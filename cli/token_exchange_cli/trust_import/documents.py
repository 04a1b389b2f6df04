"""Finds trust policies in what people have: the document itself, or what the AWS CLI prints of a role.

Source: IAM API Reference, GetRole, ListRoles and GetAccountAuthorizationDetails: a policy in an answer of the API is
URL-encoded by RFC 3986; the CLI decodes it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.roles.arns import RoleArn, role_arn

_TRUST: Final = "AssumeRolePolicyDocument"
_MAX_CHARACTERS: Final = 20_480
"""More than IAM takes of any trust policy, whatever an account's quota (IAM User Guide, "IAM and AWS STS quotas")."""

_STATEMENT: Final = frozenset({"Effect", "Principal", "Action"})
"""What every statement of a trust policy has that lets in tokens."""

_LISTS: Final = ("Roles", "RoleDetailList")


class NoTrustPolicy(Exception):
    """The object is none, and holds none; the text says what was expected, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDocument:
    """The statements of a trust policy, the role that it belongs to where that is known, and its place in the file.

    `is_of_many` says that it was listed with those of other roles, most of which no CI system assumes.
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
        # Pages show a statement by itself as often as the policy around it.
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

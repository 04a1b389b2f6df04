"""Parses IAM policy documents as strictly as STS and IAM do.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

import json
import re
from collections.abc import Mapping
from typing import Final, Literal

from sandbox.aws.conditions import Condition, is_date, is_operator, moment
from sandbox.aws.errors import AwsError
from sandbox.aws.policies import Patterns, Policy, Statement

type Kind = Literal["identity", "session", "trust"]
"""The kind of a policy: a trust policy has principals and no resources, the others the reverse."""

type _Json = bool | int | float | str | list[_Json] | dict[str, _Json] | None

_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_ELEMENTS: Final = frozenset(
    {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN: Final = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+")


def malformed(message: str) -> AwsError:
    """Return the error of STS and IAM for a policy that they cannot parse."""
    return AwsError(code="MalformedPolicyDocument", message=message)


def parse_policy(text: str, *, kind: Kind) -> Policy:
    """Parse a policy document.

    Raises:
        AwsError: MalformedPolicyDocument, with a message close to AWS's.
    """
    document = _json_object(text)
    if unknown := document.keys() - {"Version", "Id", "Statement"}:
        raise malformed(f"Syntax errors in policy: unknown element {min(unknown)}.")
    if document.get("Version", "2008-10-17") not in _VERSIONS:
        raise malformed("The policy must contain a valid version string.")
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if statements is None or not listed:
        raise malformed("Syntax errors in policy: a policy must contain at least one statement.")
    read = tuple(_statement(each, kind) for each in listed)
    sids = [each["Sid"] for each in listed if isinstance(each, dict) and "Sid" in each]
    if len({str(sid) for sid in sids}) < len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    return Policy(statements=read, text=text)


def _json_object(text: str) -> dict[str, _Json]:
    try:
        document: _Json = json.loads(text, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise malformed("This policy contains invalid Json") from error
    if not isinstance(document, dict):
        raise malformed("Syntax errors in policy.")
    return document


def _no_duplicates(pairs: list[tuple[str, _Json]]) -> dict[str, _Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate member")
    return members


def _statement(value: _Json, kind: Kind) -> Statement:
    if not isinstance(value, dict):
        raise malformed("Syntax errors in policy: a statement must be an object.")
    if unknown := value.keys() - _ELEMENTS:
        raise malformed(f"Syntax errors in policy: unknown element {min(unknown)}.")
    sid = value.get("Sid", "")
    if not (isinstance(sid, str) and re.fullmatch(r"[A-Za-z0-9]*", sid)):
        raise malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
            "expression [0-9A-Za-z]*"
        )
    effect = value.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise malformed("Syntax errors in policy: Effect must be Allow or Deny.")
    return Statement(
        allows=effect == "Allow",
        actions=_actions(value),
        resources=_resources(value, kind),
        conditions=_conditions(value.get("Condition")),
        principals=_principals(value, kind),
    )


def _patterns(value: Mapping[str, _Json], name: str) -> Patterns:
    excluded = f"Not{name}" in value
    if excluded == (name in value):
        raise malformed(f"Policy statement must contain {name.lower()}s.")
    return Patterns(values=_texts(value.get(name, value.get(f"Not{name}")), name), excluded=excluded)


def _actions(value: Mapping[str, _Json]) -> Patterns:
    patterns = _patterns(value, "Action")
    for action in patterns.values:
        if ":" not in action and action != "*":
            raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if not _ACTION.fullmatch(action):
            raise malformed(f"Syntax errors in policy: invalid action {action}.")
    return patterns


def _resources(value: Mapping[str, _Json], kind: Kind) -> Patterns:
    if kind == "trust":
        if "Resource" in value or "NotResource" in value:
            raise malformed("Has prohibited field Resource")
        return Patterns(values=("*",))
    patterns = _patterns(value, "Resource")
    for resource in patterns.values:
        if not _ARN.fullmatch(resource):
            raise malformed(f'Resource {resource} must be in ARN format or "*".')
        if "${" in resource:
            # IAM would substitute the variable; comparing it literally could allow what IAM does not.
            raise malformed(f"the sandbox does not evaluate policy variables: {resource}")
    return patterns


def _principals(value: Mapping[str, _Json], kind: Kind) -> tuple[str, ...]:
    if kind != "trust":
        if "Principal" in value:
            raise malformed("Policy document should not specify a principal.")
        return ()
    principal = value.get("Principal")
    if principal == "*":
        return ("*",)
    if not isinstance(principal, dict) or not principal or principal.keys() - {"AWS", "Service", "Federated"}:
        raise malformed("Missing required field Principal")
    return tuple(name for names in principal.values() for name in _texts(names, "Principal"))


def _conditions(value: _Json) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise malformed("Syntax errors in policy: Condition must be an object.")
    read: list[Condition] = []
    for operator, keys in value.items():
        if not is_operator(operator):
            raise malformed(f"Invalid Condition type : {operator}.")
        if not isinstance(keys, dict) or not keys:
            raise malformed("Syntax errors in policy: a condition must name a key.")
        read += [_condition(operator, key, wanted) for key, wanted in keys.items()]
    return tuple(read)


def _condition(operator: str, key: str, wanted: _Json) -> Condition:
    if ":" not in key:
        raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    values = _texts(wanted, "Condition")
    if is_date(operator):
        for value in values:
            try:
                moment(value)
            except ValueError as error:
                raise malformed(f"Invalid date in condition: {value}") from error
    return Condition(operator=operator, key=key, wanted=values)


def _texts(value: _Json, name: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise malformed(f"Syntax errors in policy: {name} is empty.")
    read: list[str] = []
    for each in values:
        match each:
            case bool() if name == "Condition":
                read.append(str(each).lower())
            case int() | float() if name == "Condition":
                read.append(str(each))
            case str():
                read.append(each)
            case _:
                raise malformed(f"Syntax errors in policy: {name} must be text or a list of texts.")
    return tuple(read)

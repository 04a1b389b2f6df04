"""The roles of a policy as one CloudFormation template, the same for every account: each makes only its own.

Source: AWS CloudFormation User Guide, AWS::IAM::Role, "Conditions", "StackSets".
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.roles.direct_trust import direct_trust
from token_exchange_cli.roles.needs import RoleNeed
from token_exchange_cli.roles.rights import permissions
from token_exchange_cli.roles.trust import broker_trust

MAX_SESSION_SECONDS: Final = 3600
"""The least that IAM knows, and the most that role chaining allows."""

_MAX_DESCRIPTION_CHARACTERS: Final = 1000

_DESCRIPTION: Final = (
    "Roles for the token exchange, by its policy: no more rights than its grants can give. The same template is for "
    "every account, each of which makes its own roles. Capability CAPABILITY_NAMED_IAM."
)

_BROKER: Final = "BrokerRoleArn"
_BOUNDARY: Final = "PermissionsBoundaryArn"
_HAS_BOUNDARY: Final = "HasPermissionsBoundary"
_NO_VALUE: Final[Json] = {"Ref": "AWS::NoValue"}

_PARAMETERS: Final[dict[str, Json]] = {
    _BROKER: {
        "Type": "String",
        "Description": "The role of the token exchange, its stack's output RoleArn; it must exist already",
        "AllowedPattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$",
        "ConstraintDescription": "must be the ARN of one role",
    },
    _BOUNDARY: {
        "Type": "String",
        "Default": "",
        "Description": "A managed policy that bounds the roles, where your organization asks for one",
        "AllowedPattern": "^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+)?$",
    },
}


def template_of(roles: Sequence[RoleNeed], *, broker: str | None) -> dict[str, Json]:
    """Return the template of `roles`, which is at least one.

    Without `broker` the role of the service is a parameter, where a role needs it.

    Raises:
        Unbounded: a role would trust strangers.
    """
    parameters = dict(_PARAMETERS)
    if broker is not None or not any(role.by_broker for role in roles):
        del parameters[_BROKER]
    accounts = sorted({role.arn.account for role in roles})
    conditions: dict[str, Json] = {
        _HAS_BOUNDARY: {"Fn::Not": [{"Fn::Equals": [{"Ref": _BOUNDARY}, ""]}]},
        **{_in(account): {"Fn::Equals": [{"Ref": "AWS::AccountId"}, account]} for account in accounts},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": _DESCRIPTION,
        "Parameters": parameters,
        "Conditions": conditions,
        "Resources": {_logical_id(role): _resource(role, broker) for role in roles},
    }


def _in(account: str) -> str:
    return f"InAccount{account}"


def _logical_id(role: RoleNeed) -> str:
    """Return an id that depends on the role alone: another would make CloudFormation replace a role that is in use."""
    words = re.findall(r"[A-Za-z0-9]+", role.arn.name)
    digest = hashlib.sha256(role.arn.text.encode()).hexdigest()
    return "".join(word[:1].upper() + word[1:] for word in words) + digest[:8]


def _resource(role: RoleNeed, broker: str | None) -> Json:
    principal: Json = {"Ref": _BROKER} if broker is None else broker
    sessions = [one.terms for one in role.by_broker]
    trust = broker_trust(sessions, principal) if sessions else []
    return {
        "Type": "AWS::IAM::Role",
        "Condition": _in(role.arn.account),
        "Properties": {
            "RoleName": role.arn.name,
            "Path": role.arn.path,
            "Description": _said_of(role),
            "MaxSessionDuration": MAX_SESSION_SECONDS,
            "PermissionsBoundary": {"Fn::If": [_HAS_BOUNDARY, {"Ref": _BOUNDARY}, _NO_VALUE]},
            "AssumeRolePolicyDocument": _document([*trust, *direct_trust(role.arn, role.directly)]),
            "Policies": [{"PolicyName": "registry", "PolicyDocument": _document(permissions(role.grants))}],
            "Tags": [{"Key": "application", "Value": "ecr-token-exchange"}],
        },
    }


def _said_of(role: RoleNeed) -> str:
    """Return the description, in the characters and the length that IAM takes (API Reference, CreateRole)."""
    grants = ", ".join(one.grant.name for one in role.grants)
    return re.sub(r"[^ -~]", "?", f"For the token exchange, its grants {grants}")[:_MAX_DESCRIPTION_CHARACTERS]


def _document(statements: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": statements}

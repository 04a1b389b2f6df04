"""The roles of a policy as a CloudFormation template, the same for every account, and remarks on them.

Source: AWS CloudFormation User Guide, AWS::IAM::Role, "Conditions", "StackSets" and "Quotas"; IAM User Guide, "IAM and
AWS STS quotas".
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry
from token_exchange.core.ports import Json
from token_exchange_cli.roles.arns import RoleArn
from token_exchange_cli.roles.needs import RoleNeed, clashes
from token_exchange_cli.roles.rights import broker_trust, direct_trust, permissions, provider_address

MAX_RIGHTS_CHARACTERS: Final = 10_240
"""Of all inline policies of a role, white space not counted."""

USUAL_TRUST_CHARACTERS: Final = 2048
"""The default quota of a trust policy."""

_SOME_BROKER: Final = "arn:aws:iam::000000000000:role/" + "x" * 64
"""As long as a role's ARN commonly gets: the real one is a parameter."""


def problems(roles: Sequence[RoleNeed], *, brokers: Sequence[RoleArn]) -> Iterator[str]:
    """Yield why AWS would reject these roles, for any broker if there are no `brokers`."""
    partitions = sorted({role.arn.partition for role in roles})
    if len(partitions) > 1:
        yield f"roles of several partitions ({', '.join(partitions)}): a service assumes only its own"
    else:
        yield from (
            f"--broker-role is in the partition {broker.partition}, the policy's roles are of {partitions[0]}"
            for broker in brokers
            if partitions != [broker.partition]
        )
    yield from clashes(roles)
    for role in roles:
        length = _characters(permissions(role.grants))
        if length > MAX_RIGHTS_CHARACTERS:
            yield (
                f"{role.arn.text}: its rights would have {length} characters, but IAM accepts {MAX_RIGHTS_CHARACTERS}: "
                "use several roles for its grants, or a common prefix for their repositories"
            )


def remarks(roles: Sequence[RoleNeed], *, brokers: Sequence[str]) -> Iterator[str]:
    """Yield the risks of these roles."""
    for role in roles:
        yield from _of_trust(role, _one_or_all(brokers or [_SOME_BROKER]))
        yield from _of_registries(role)


def _of_trust(role: RoleNeed, brokers: Json) -> Iterator[str]:
    sessions = [one.terms for one in role.by_broker]
    with_id = [one.grant.name for one in role.by_broker if one.terms.external_id is not None]
    without = [one.grant.name for one in role.by_broker if one.terms.external_id is None]
    if with_id and without:
        yield (
            f"{role.arn.text}: {', '.join(with_id)} state an external_id, {', '.join(without)} do not, so the role can "
            "be assumed without one: use another role for the latter"
        )
    for issuer in {issuer.name: issuer for one in role.directly for issuer in one.issuers}.values():
        yield (
            f"{role.arn.text} trusts tokens of {issuer.name} directly, without this service, its deny rules and its "
            f"limits; account {role.arn.account} must have the OIDC provider {provider_address(issuer)} with "
            f"{', '.join(sorted(issuer.trust.audiences))} as an audience"
        )
    trust = [*(broker_trust(sessions, brokers) if sessions else []), *direct_trust(role.arn, role.directly)]
    if _characters(trust) > USUAL_TRUST_CHARACTERS:
        yield f"{role.arn.text}: its trust policy may need a higher quota than {USUAL_TRUST_CHARACTERS} characters"


def _of_registries(role: RoleNeed) -> Iterator[str]:
    for one in role.grants:
        registry = one.grant.registry
        if not isinstance(registry, EcrRegistry | EcrPublicRegistry) or registry.account in (None, role.arn.account):
            continue
        yield (
            f"{role.arn.text} (grant {one.grant.name}): the registry {registry.name} is in account "
            f"{registry.account}, where the policies of its repositories must also allow this role"
        )


def _characters(statements: list[Json]) -> int:
    return len(json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":")))


MAX_SESSION_SECONDS: Final = 3600
"""The minimum of IAM, and the maximum for role chaining."""

_MAX_DESCRIPTION_CHARACTERS: Final = 1000

_DESCRIPTION: Final = (
    "Roles that the policy of the token exchange needs, with no more rights than its grants can give. Use the same "
    "template in every account; each creates only its own roles. Needs CAPABILITY_NAMED_IAM."
)

_BROKERS: Final = "BrokerRoleArns"
_BOUNDARY: Final = "PermissionsBoundaryArn"
_HAS_BOUNDARY: Final = "HasPermissionsBoundary"
_NO_VALUE: Final[Json] = {"Ref": "AWS::NoValue"}

_PARAMETERS: Final[dict[str, Json]] = {
    _BROKERS: {
        "Type": "CommaDelimitedList",
        "Description": (
            "The roles of the token exchange, separated by commas, such as one for each region; each is the output "
            "RoleArn of its stack and must already exist"
        ),
        "AllowedPattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$",
        "ConstraintDescription": "each must be the ARN of one role",
    },
    _BOUNDARY: {
        "Type": "String",
        "Default": "",
        "Description": "A managed policy that bounds the roles, if your organization requires one",
        "AllowedPattern": "^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+)?$",
    },
}


_EMPTY_STACK: Final[Json] = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
"""Creates nothing; a stack needs a resource even in an account that has none of the roles."""


def template_of(roles: Sequence[RoleNeed], *, brokers: Sequence[str]) -> dict[str, Json]:
    """Return the template of `roles`.

    Without `brokers` the roles of the service are a parameter, where a role needs them.

    Raises:
        Unbounded: a role would trust outsiders.
    """
    parameters = dict(_PARAMETERS)
    if brokers or not any(role.by_broker for role in roles):
        del parameters[_BROKERS]
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
        "Resources": {
            "NoRoleInThisAccount": _EMPTY_STACK,
            **{logical_id(role): resource_of(role, brokers=brokers) for role in roles},
        },
    }


def _in(account: str) -> str:
    return f"InAccount{account}"


def logical_id(role: RoleNeed) -> str:
    """Return an id that depends only on the role: a new id would make CloudFormation replace a role in use."""
    words = re.findall(r"[A-Za-z0-9]+", role.arn.name)
    digest = hashlib.sha256(role.arn.text.encode()).hexdigest()
    return "".join(word[:1].upper() + word[1:] for word in words) + digest[:8]


def resource_of(role: RoleNeed, *, brokers: Sequence[str]) -> Json:
    """Return one role's resource.

    Raises:
        Unbounded: the role would trust outsiders.
    """
    principal: Json = _one_or_all(brokers) if brokers else {"Ref": _BROKERS}
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
    """Return the description, in the characters and length that IAM accepts (API Reference, CreateRole)."""
    grants = ", ".join(one.grant.name for one in role.grants)
    return re.sub(r"[^ -~]", "?", f"For the token exchange, its grants {grants}")[:_MAX_DESCRIPTION_CHARACTERS]


def _document(statements: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": statements}


def _one_or_all(texts: Sequence[str]) -> Json:
    return texts[0] if len(texts) == 1 else [*texts]

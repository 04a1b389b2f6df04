"""What keeps the roles of a policy from being made, and what somebody who makes them should know.

Source: IAM User Guide, "IAM and AWS STS quotas"; CloudFormation User Guide, "Quotas".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.registries import EcrPublicRegistry, EcrRegistry
from token_exchange_cli.roles.arns import RoleArn
from token_exchange_cli.roles.direct_trust import direct_trust, provider_address
from token_exchange_cli.roles.needs import RoleNeed, clashes
from token_exchange_cli.roles.rights import permissions
from token_exchange_cli.roles.trust import broker_trust

MAX_RIGHTS_CHARACTERS: Final = 10_240
"""Of all inline policies of a role, white space not counted."""

USUAL_TRUST_CHARACTERS: Final = 2048
"""Of a trust policy, until the account asks for more."""

MAX_INLINE_TEMPLATE_BYTES: Final = 51_200
"""Of a template that is sent with the call; a larger one goes by S3."""

_SOME_BROKER: Final = "arn:aws:iam::000000000000:role/" + "x" * 64
"""As long as a role's ARN commonly gets: the real one is a parameter."""


def problems(roles: Sequence[RoleNeed], *, broker: RoleArn | None) -> Iterator[str]:
    """Yield why AWS would not take these roles, whoever is their broker."""
    partitions = sorted({role.arn.partition for role in roles})
    if len(partitions) > 1:
        yield f"roles of several partitions ({', '.join(partitions)}): a service assumes those of its own alone"
    elif broker is not None and partitions != [broker.partition]:
        yield f"--broker-role is of the partition {broker.partition}, the policy's roles are of {partitions[0]}"
    yield from clashes(roles)
    for role in roles:
        length = _characters(permissions(role.grants))
        if length > MAX_RIGHTS_CHARACTERS:
            yield (
                f"{role.arn.text}: its rights would have {length} characters, and IAM takes {MAX_RIGHTS_CHARACTERS}: "
                "give its grants different roles, or their repositories a prefix in common"
            )


def remarks(roles: Sequence[RoleNeed], template: Mapping[str, Json]) -> Iterator[str]:
    """Yield what is worth knowing before these roles are made."""
    for role in roles:
        yield from _of_trust(role)
        yield from _of_registries(role)
    if len(json.dumps(template)) > MAX_INLINE_TEMPLATE_BYTES:
        yield f"the template has more than {MAX_INLINE_TEMPLATE_BYTES} bytes: hand it over by S3, or use --account"


def _of_trust(role: RoleNeed) -> Iterator[str]:
    sessions = [one.terms for one in role.by_broker]
    with_id = [one.grant.name for one in role.by_broker if one.terms.external_id is not None]
    without = [one.grant.name for one in role.by_broker if one.terms.external_id is None]
    if with_id and without:
        yield (
            f"{role.arn.text}: {', '.join(with_id)} state an external_id, {', '.join(without)} none, so the role can "
            "be assumed without one: give these another role"
        )
    for issuer in {issuer.name: issuer for one in role.directly for issuer in one.issuers}.values():
        yield (
            f"{role.arn.text} trusts tokens of {issuer.name} itself, past this service, its deny rules and its "
            f"bounds; account {role.arn.account} must have the OIDC provider {provider_address(issuer)} with "
            f"{', '.join(sorted(issuer.trust.audiences))} as an audience"
        )
    trust = [*(broker_trust(sessions, _SOME_BROKER) if sessions else []), *direct_trust(role.arn, role.directly)]
    if _characters(trust) > USUAL_TRUST_CHARACTERS:
        yield f"{role.arn.text}: its trust policy may need a higher quota than {USUAL_TRUST_CHARACTERS} characters"


def _of_registries(role: RoleNeed) -> Iterator[str]:
    for one in role.grants:
        registry = one.grant.registry
        if not isinstance(registry, EcrRegistry | EcrPublicRegistry) or registry.account in (None, role.arn.account):
            continue
        yield (
            f"{role.arn.text} (grant {one.grant.name}): the registry {registry.name} is in account "
            f"{registry.account}, where the policies of its repositories must let this role in, too"
        )


def _characters(statements: list[Json]) -> int:
    return len(json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":")))

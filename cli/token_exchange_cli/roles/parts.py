"""The roles of a policy in as many templates as AWS's limits on a template need.

Source: AWS CloudFormation User Guide, "Quotas".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.roles.needs import RoleNeed
from token_exchange_cli.roles.template import logical_id, resource_of, template_of

MAX_INLINE_BYTES: Final = 51_200
"""Of a template that is sent with the call; a larger one is uploaded to S3 first."""

MAX_BYTES: Final = 1_000_000
"""Of a template in S3. AWS says 1 MB; the smaller of its two meanings."""

MAX_RESOURCES: Final = 500

_FILLED_TO: Final = 0.8
"""How full a part gets by new roles. The rest is for these roles to grow: a role never moves to another part, because
its name would be in use until the first stack has deleted it."""


def outgrown(text: str, template: Mapping[str, Json]) -> str | None:
    """Return what AWS would reject about the template that was printed as `text`."""
    resources = template["Resources"]
    if isinstance(resources, dict) and len(resources) > MAX_RESOURCES:
        return f"{len(resources)} resources, but CloudFormation accepts {MAX_RESOURCES}"
    size_bytes = len(text.encode())
    return f"{size_bytes} bytes, but CloudFormation accepts {MAX_BYTES}" if size_bytes > MAX_BYTES else None


def part_text(template: Mapping[str, Json]) -> str:
    """Return a part as it is written to its file."""
    return json.dumps(template, indent=1) + "\n"


@dataclass(slots=True, kw_only=True)
class _Part:
    roles: list[RoleNeed]
    size_bytes: int = 0

    def has_room(self, role_bytes: int) -> bool:
        return (
            len(self.roles) + 1 <= MAX_RESOURCES * _FILLED_TO and self.size_bytes + role_bytes <= MAX_BYTES * _FILLED_TO
        )

    def add(self, role: RoleNeed, role_bytes: int) -> None:
        self.roles.append(role)
        self.size_bytes += role_bytes


def parts_of(
    roles: Sequence[RoleNeed], *, brokers: Sequence[str], present: Sequence[frozenset[str]]
) -> list[dict[str, Json]]:
    """Return the templates of `roles`; the first ones continue the parts that are `present`, by their logical ids.

    A role stays in its part. A new one is added to the first part with room that has a role of its account, or else to
    the first with room. A part whose roles are all gone remains, without roles.

    Raises:
        Unbounded: a role would trust outsiders.
    """
    parts = [_Part(roles=[]) for _ in present]
    place = {name: number for number, names in enumerate(present) for name in names}
    sizes = {role.arn.text: len(part_text({"Resources": resource_of(role, brokers=brokers)})) for role in roles}
    new: list[RoleNeed] = []
    for role in roles:
        number = place.get(logical_id(role))
        if number is None:
            new.append(role)
        else:
            parts[number].add(role, sizes[role.arn.text])
    for role in new:
        _part_for(role, sizes[role.arn.text], parts).add(role, sizes[role.arn.text])
    return [template_of(part.roles, brokers=brokers) for part in parts]


def _part_for(role: RoleNeed, role_bytes: int, parts: list[_Part]) -> _Part:
    with_room = [part for part in parts if part.has_room(role_bytes)]
    of_its_account = [part for part in with_room if any(one.arn.account == role.arn.account for one in part.roles)]
    for part in (*of_its_account, *with_room):
        return part
    parts.append(_Part(roles=[]))
    return parts[-1]

"""The common vocabulary: one set of names for the claims of all CI systems.

A name is absent if the provider does not send it; nothing is guessed. The value of a name is a string, or for
`ref_protected` a boolean. Numbers become strings; everything else keeps the provider's spelling and case.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused

type ClaimPath = tuple[str, ...]
"""The member names that lead to a claim: one for a top-level claim, more for a nested one."""

type Name = Literal[
    "organization",
    "organization_id",
    "repository",
    "repository_id",
    "pipeline",
    "pipeline_id",
    "workflow",
    "workflow_ref",
    "ref",
    "branch",
    "tag",
    "ref_protected",
    "environment",
    "event",
    "run_id",
    "job_id",
    "actor",
    "actor_id",
    "sha",
]

NAMES: Final[tuple[Name, ...]] = get_args(Name.__value__)
"""Every name, in the order in which they are displayed."""

IDS: Final[frozenset[Name]] = frozenset(
    {"organization_id", "repository_id", "pipeline_id", "run_id", "job_id", "actor_id"}
)
"""Names whose values are ids. An id is unique only within one issuer."""

RENAMEABLE: Final[frozenset[Name]] = frozenset(
    {"organization", "repository", "pipeline", "workflow", "environment", "actor"}
)
"""Names whose values people choose and can change.

A name that is given up can be registered by someone else, so it does not identify the earlier owner.
"""

type Vocabulary = Mapping[str, str | bool]
"""The values of one token by name; a name that the token does not provide is not a key."""


def claim_at(claims: Mapping[str, Json], path: ClaimPath) -> Json:
    """Return the claim at `path`, or None if there is none; `null` counts as absent everywhere."""
    value = claims.get(path[0])
    for name in path[1:]:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def spelled(path: ClaimPath) -> str:
    """Return `path` in the form that messages show."""
    return " → ".join(path)


class Source(Protocol):
    """Where the value of a name comes from; `sources` has the implementations."""

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""

    def read(self, claims: Mapping[str, Json], /) -> str | bool | None:
        """Return the value, or None if it is absent.

        Raises:
            Refused: `invalid-claim` if a claim does not have the type that the provider sends.
        """


UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The pattern of a UUID (RFC 9562 section 4) in lower case, as issuers write it."""

_BRACED_UUID: Final = re.compile(rf"\{{({UUID})\}}", re.ASCII | re.IGNORECASE)
"""Other values keep their braces: `{production}` is not `production`."""


def without_braces(text: str) -> str:
    """Return a UUID in braces without the braces, and any other string unchanged."""
    found = _BRACED_UUID.fullmatch(text)
    return found[1] if found else text


def string_at(claims: Mapping[str, Json], path: ClaimPath) -> str | None:
    """Return the claim at `path` as a string; an integer is converted, and an empty string counts as absent.

    Raises:
        Refused: `invalid-claim` if it is neither a string nor an integer.
    """
    match claim_at(claims, path):
        case str() as value:
            return value or None
        case None:
            return None
        case bool():
            # In Python a boolean is an int: without this case, true would become "True".
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected a string, found a boolean")
        case int() as value:
            return str(value)
        case _:
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected a string")

"""The common vocabulary: one set of names for what every CI system says of a run.

A name is absent where the provider does not send it; nothing is guessed. What a *source* reads is text, or for
`ref_protected` a boolean; ids and numbers become text, everything else keeps the provider's spelling and case.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused

type ClaimPath = tuple[str, ...]
"""The names that lead to a claim: one for a claim of the token itself, more for a nested one."""

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
"""Every name, in the order in which people are shown them."""

IDS: Final[frozenset[Name]] = frozenset(
    {"organization_id", "repository_id", "pipeline_id", "run_id", "job_id", "actor_id"}
)
"""Names whose values identify, and only within one issuer."""

RENAMEABLE: Final[frozenset[Name]] = frozenset(
    {"organization", "repository", "pipeline", "workflow", "environment", "actor"}
)
"""Names whose values people choose, and may choose again."""

WHO: Final[frozenset[Name]] = frozenset(
    {
        "organization",
        "organization_id",
        "repository",
        "repository_id",
        "pipeline",
        "pipeline_id",
        "actor",
        "actor_id",
    }
)
"""Names that tell one tenant's runs from another's: a grant that fails on one of them is somebody else's."""

type Vocabulary = Mapping[str, str | bool]
"""What one token says, in the common names; a name that it does not say is not a key."""


def claim_at(claims: Mapping[str, Json], path: ClaimPath) -> Json:
    """Return the claim at `path`, or None where there is none; `null` counts as absent everywhere."""
    value: Json = dict(claims) if not path else claims.get(path[0])
    for name in path[1:]:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def spelled(path: ClaimPath) -> str:
    """Return `path` as a person reads it."""
    return " → ".join(path)


class Source(Protocol):
    """Where the value of a name comes from: one of the classes below, or of `derived`."""

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        ...

    def read(self, claims: Mapping[str, Json], /) -> str | bool | None:
        """Return the value, or None where it is absent.

        Raises:
            Refused: `invalid-claim` where a claim is not of the type that the provider sends.
        """
        ...


_BRACED_UUID: Final = re.compile(r"\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}", re.ASCII | re.IGNORECASE)
"""RFC 9562 section 4, in braces. Nothing else loses its braces: `{production}` is not `production`."""


def without_braces(text: str) -> str:
    """Return a UUID in braces without them, any other text as it stands."""
    found = _BRACED_UUID.fullmatch(text)
    return found[1] if found else text


def text_at(claims: Mapping[str, Json], path: ClaimPath) -> str | None:
    """Return the claim at `path` as text; whole numbers are spelled out, empty text counts as absent.

    Raises:
        Refused: `invalid-claim` where it is neither text nor a whole number.
    """
    match claim_at(claims, path):
        case str() as value:
            return value or None
        case None:
            return None
        case bool():
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected text, found a boolean")
        case int() as value:
            return str(value)
        case _:
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected text")

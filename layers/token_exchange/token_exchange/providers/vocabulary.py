"""The common vocabulary: one set of names for what every CI system says of a run.

A name is absent where the provider does not send it; nothing is guessed. What a *source* reads is text, or for
`ref_protected` a boolean; ids and numbers become text, everything else keeps the provider's spelling and case.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from token_exchange.ports import Json
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

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


@dataclass(frozen=True, slots=True)
class Claim:
    """A name whose value is one claim, as it stands."""

    path: ClaimPath

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.path,)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None where it is absent, `null` or empty text."""
        return text_at(claims, self.path)


@dataclass(frozen=True, slots=True)
class ShortRef:
    """The short name of a full git ref, where the provider says that it is of one type.

    Both must agree: GitHub says `branch` of a pull request's `refs/pull/7/merge`, which is none.
    """

    ref: ClaimPath
    ref_type: ClaimPath
    type: Literal["branch", "tag"]

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.ref, self.ref_type)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the ref without its prefix, or None where it is not of this type."""
        prefix = "refs/heads/" if self.type == "branch" else "refs/tags/"
        ref = text_at(claims, self.ref)
        if ref is None or text_at(claims, self.ref_type) != self.type or not ref.startswith(prefix):
            return None
        return ref.removeprefix(prefix) or None


@dataclass(frozen=True, slots=True)
class TypedRef:
    """A short ref that the provider sends as such, where it says that it is of one type.

    `unless` names a claim and values with which it is not: the short ref of a merge request is the source branch's,
    which may be a fork's `main`.
    """

    ref: ClaimPath
    ref_type: ClaimPath
    type: Literal["branch", "tag"]
    unless: tuple[ClaimPath, frozenset[str]]

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.ref, self.ref_type)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the short ref, or None where it is not of this type."""
        path, values = self.unless
        if text_at(claims, self.ref_type) != self.type or claim_at(claims, path) in values:
            return None
        return text_at(claims, self.ref)


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean that the provider sends as such or as the text `true` or `false`."""

    path: ClaimPath

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.path,)

    def read(self, claims: Mapping[str, Json]) -> bool | None:
        """Return the boolean, or None where it is absent.

        Raises:
            Refused: `invalid-claim` for anything else.
        """
        match claim_at(claims, self.path):
            case bool() as value:
                return value
            case "true":
                return True
            case "false":
                return False
            case None | "":
                return None
            case _:
                raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(self.path)}: expected true or false")


@dataclass(frozen=True, slots=True)
class Constant:
    """A name whose value no claim carries, because every token of the issuer has the same: its tenant's."""

    value: str

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """No raw claim at all."""
        return ()

    def read(self, _claims: Mapping[str, Json]) -> str:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class BracedUuid:
    """A UUID that the provider sends in braces; its value lacks them."""

    path: ClaimPath

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.path,)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None where it is absent."""
        value = text_at(claims, self.path)
        return None if value is None else without_braces(value)


@dataclass(frozen=True, slots=True)
class Joined:
    """A repository whose owner and name are two claims. The owner may have groups below it."""

    owner: ClaimPath
    name: ClaimPath

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.owner, self.name)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return `owner/name`, or None where one of them is absent."""
        owner, name = text_at(claims, self.owner), text_at(claims, self.name)
        # With a slash in the name too, `a` and `b/c` would be one repository with `a/b` and `c`.
        if owner is None or name is None or "/" in name:
            return None
        return f"{owner}/{name}"


@dataclass(frozen=True, slots=True)
class ClaimUnless:
    """A claim as it stands, but where the claim at `unless` has a value: a pull request's branch may be a fork's."""

    path: ClaimPath
    unless: ClaimPath

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.path,)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None where it is absent or does not count."""
        return text_at(claims, self.path) if claim_at(claims, self.unless) in (None, "") else None


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

"""Where the value of a vocabulary name comes from: a claim, part of a claim, or several claims.

A source that takes a part of a claim accepts one documented form. Any other form gives no value: a value that is wrong
could match a grant, a missing one cannot.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.vocabulary import UUID, ClaimPath, claim_at, spelled, string_at, without_braces

_REF_PREFIXES: Final = {"branch": "refs/heads/", "tag": "refs/tags/"}


@dataclass(frozen=True, slots=True)
class PartOfClaim:
    """The base of sources that take all of the claim at `path`, or a part of it."""

    path: ClaimPath

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""
        return (self.path,)


@dataclass(frozen=True, slots=True)
class Claim(PartOfClaim):
    """A name whose value is one claim, unchanged."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None if it is absent, `null` or an empty string."""
        return string_at(claims, self.path)


@dataclass(frozen=True, slots=True)
class _RefOfType:
    """The base of sources that take a git ref if it has one type, which is another claim."""

    ref: ClaimPath
    ref_type: ClaimPath
    type: Literal["branch", "tag"]

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""
        return (self.ref, self.ref_type)


@dataclass(frozen=True, slots=True)
class ShortRef(_RefOfType):
    """The short name of a full git ref of one type.

    Prefix and type must agree: for a pull request's `refs/pull/7/merge`, GitHub sends the type `branch`.
    """

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the ref without its prefix, or None where it is not of this type."""
        prefix = _REF_PREFIXES[self.type]
        ref = string_at(claims, self.ref)
        if ref is None or string_at(claims, self.ref_type) != self.type or not ref.startswith(prefix):
            return None
        return ref.removeprefix(prefix) or None


@dataclass(frozen=True, slots=True)
class TypedRef(_RefOfType):
    """A short ref that the provider sends as such, if it has one type.

    `unless` is a claim and the values with which there is no short ref: that of a merge request is its source branch,
    which may be the `main` of a fork.
    """

    unless: tuple[ClaimPath, frozenset[str]]

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the short ref, or None if it does not have this type."""
        path, values = self.unless
        if string_at(claims, self.ref_type) != self.type or claim_at(claims, path) in values:
            return None
        return string_at(claims, self.ref)


@dataclass(frozen=True, slots=True)
class Flag(PartOfClaim):
    """A boolean that the provider sends as such or as the string `true` or `false`."""

    def read(self, claims: Mapping[str, Json]) -> bool | None:
        """Return the boolean, or None if it is absent.

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
    """A name that has the same value in every token of an issuer, such as its tenant, and is in no claim."""

    value: str

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """None: the value comes from the issuer entry."""
        return ()

    def read(self, _claims: Mapping[str, Json]) -> str:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class BracedUuid(PartOfClaim):
    """A UUID that the provider sends in braces; the value has no braces."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None if it is absent."""
        value = string_at(claims, self.path)
        return None if value is None else without_braces(value)


@dataclass(frozen=True, slots=True)
class Joined:
    """A repository whose owner and name are two claims; the owner may contain subgroups."""

    owner: ClaimPath
    name: ClaimPath

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""
        return (self.owner, self.name)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return `owner/name`, or None if one of them is absent."""
        owner, name = string_at(claims, self.owner), string_at(claims, self.name)
        # If the name could contain a slash, `a` and `b/c` would give the same repository as `a/b` and `c`.
        if owner is None or name is None or "/" in name:
            return None
        return f"{owner}/{name}"


@dataclass(frozen=True, slots=True)
class ClaimUnless(PartOfClaim):
    """A claim, unless the claim at `unless` has a value: a pull request's branch may be a fork's."""

    unless: ClaimPath

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None if it is absent or `unless` has a value."""
        return string_at(claims, self.path) if claim_at(claims, self.unless) in (None, "") else None


_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
"""The name of an owner, a group or a repository, as code hosts allow it."""

_UUID: Final = re.compile(UUID, re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PrefixedRef(PartOfClaim):
    """The short name of a full git ref whose type is known only by its prefix."""

    type: Literal["branch", "tag"]

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the ref without its prefix, or None where it is not of this type."""
        prefix = _REF_PREFIXES[self.type]
        ref = string_at(claims, self.path)
        return None if ref is None or not ref.startswith(prefix) else ref.removeprefix(prefix) or None


@dataclass(frozen=True, slots=True)
class RepositoryOfUrl(PartOfClaim):
    """A repository's `owner/name`, from its URL. The host is left out, so repositories on two hosts may be equal."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return `owner/name` of `[https://]HOST/OWNER/NAME[.git]`, or None for anything else."""
        address = (string_at(claims, self.path) or "").removeprefix("https://").removeprefix("http://")
        host, _, path = address.partition("/")
        repository = path.removesuffix("/").removesuffix(".git")
        names = repository.split("/")
        return repository if host and len(names) > 1 and all(map(_NAME.fullmatch, names)) else None


@dataclass(frozen=True, slots=True)
class OwnerOf(PartOfClaim):
    """The owner of a repository `owner/name`."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the owner, or None if the claim is not `owner/name`."""
        owner, _, name = (string_at(claims, self.path) or "").partition("/")
        return owner if owner and name and "/" not in name else None


@dataclass(frozen=True, slots=True)
class Uuid(PartOfClaim):
    """An id that is a UUID; any other value is not an id."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the UUID unchanged, or None for anything else."""
        value = string_at(claims, self.path)
        return value if value is not None and _UUID.fullmatch(value) else None

"""Where the value of a name of the vocabulary comes from: a claim, a part of one, or several."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.vocabulary import ClaimPath, claim_at, spelled, text_at, without_braces


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


_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
"""An owner's, a group's or a repository's name, as the places where code lies allow it."""

_SERVICE_ACCOUNT: Final = re.compile(r"[^@\s]+@([a-z0-9.-]+)\.iam\.gserviceaccount\.com", re.ASCII)

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
"""RFC 9562 section 4."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What all of these have: the claim they are a part of."""

    path: ClaimPath

    @property
    def behind(self) -> tuple[ClaimPath, ...]:
        """The raw claims that the value is made of."""
        return (self.path,)


@dataclass(frozen=True, slots=True)
class PrefixedRef(_Part):
    """The short name of a full git ref whose prefix alone says of which type it is."""

    type: Literal["branch", "tag"]

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the ref without its prefix, or None where it is not of this type."""
        prefix = "refs/heads/" if self.type == "branch" else "refs/tags/"
        ref = text_at(claims, self.path)
        return None if ref is None or not ref.startswith(prefix) else ref.removeprefix(prefix) or None


@dataclass(frozen=True, slots=True)
class RepositoryOfUrl(_Part):
    """A repository's `owner/name`, out of its address. The host is left out, so two hosts may have the same."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return `owner/name` of `[https://]HOST/OWNER/NAME[.git]`, or None for anything else."""
        address = (text_at(claims, self.path) or "").removeprefix("https://").removeprefix("http://")
        host, _, path = address.partition("/")
        repository = path.removesuffix("/").removesuffix(".git")
        names = repository.split("/")
        return repository if host and len(names) > 1 and all(map(_NAME.fullmatch, names)) else None


@dataclass(frozen=True, slots=True)
class OwnerOf(_Part):
    """The owner of a repository `owner/name`."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the owner, or None where the claim is no `owner/name`."""
        owner, _, name = (text_at(claims, self.path) or "").partition("/")
        return owner if owner and name and "/" not in name else None


@dataclass(frozen=True, slots=True)
class Uuid(_Part):
    """An id that is a UUID; what is something else identifies nothing."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the UUID as it stands, or None for anything else."""
        value = text_at(claims, self.path)
        return value if value is not None and _UUID.fullmatch(value) else None


@dataclass(frozen=True, slots=True)
class ProjectOfServiceAccount(_Part):
    """The Google Cloud project of a service account, out of its address `NAME@PROJECT.iam.gserviceaccount.com`."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the project, or None where the address does not have it."""
        form = _SERVICE_ACCOUNT.fullmatch(text_at(claims, self.path) or "")
        return None if form is None else form[1]

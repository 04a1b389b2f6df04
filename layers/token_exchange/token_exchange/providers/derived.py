"""Names of the vocabulary whose value is a part of a claim; each takes one documented form and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.ports import Json
from token_exchange.providers.vocabulary import ClaimPath, text_at

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

"""Where the value of a vocabulary name comes from: a claim, part of a claim, or several claims.

A source that takes part of a claim accepts one documented form. Any other form gives no value: a wrong value could
match a grant, but a missing one cannot.
"""

from collections.abc import Mapping
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.vocabulary import ClaimPath, claim_at, spelled, string_at, without_braces

REF_PREFIXES: Final = {"branch": "refs/heads/", "tag": "refs/tags/"}


@positional_record
class PartOfClaim:
    """The base of sources that take all of the claim at `path`, or a part of it."""

    path: ClaimPath

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""
        return (self.path,)


@positional_record
class Claim(PartOfClaim):
    """A name whose value is one claim, unchanged."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None if it is absent, `null` or an empty string."""
        return string_at(claims, self.path)


@positional_record
class RefOfType:
    """The base of sources that take a git ref if it has one type, which is another claim."""

    ref: ClaimPath
    ref_type: ClaimPath
    type: Literal["branch", "tag"]

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""
        return (self.ref, self.ref_type)


@positional_record
class ShortRef(RefOfType):
    """The short name of a full git ref of one type.

    Prefix and type must agree: for a pull request's `refs/pull/7/merge`, GitHub sends the type `branch`.
    """

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the ref without its prefix, or None where it is not of this type."""
        prefix = REF_PREFIXES[self.type]
        ref = string_at(claims, self.ref)
        if ref is None or string_at(claims, self.ref_type) != self.type or not ref.startswith(prefix):
            return None
        return ref.removeprefix(prefix) or None


@positional_record
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


@positional_record
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


@positional_record
class BracedUuid(PartOfClaim):
    """A UUID that the provider sends in braces; the value has no braces."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None if it is absent."""
        value = string_at(claims, self.path)
        return None if value is None else without_braces(value)


@positional_record
class ClaimUnless(PartOfClaim):
    """A claim, unless the claim at `unless` has a value: a pull request's branch may be a fork's."""

    unless: ClaimPath

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the value, or None if it is absent or `unless` has a value."""
        return string_at(claims, self.path) if claim_at(claims, self.unless) in (None, "") else None


@positional_record
class PrefixedRef(PartOfClaim):
    """The short name of a full git ref whose type is known only by its prefix."""

    type: Literal["branch", "tag"]

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the ref without its prefix, or None where it is not of this type."""
        prefix = REF_PREFIXES[self.type]
        ref = string_at(claims, self.path)
        return None if ref is None or not ref.startswith(prefix) else ref.removeprefix(prefix) or None

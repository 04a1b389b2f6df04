"""The form of each CI system's `sub`, and what a `sub` says about a run.

A form that is read wrongly here lets no one in: `policy import` keeps a condition on `sub` itself beside the conditions
read from it, and those only tell people and the linter what the grant is for.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.policy import Grant, Organization
from token_exchange_cli.subjects.iam_patterns import Value

type Match = Mapping[str, Value]
"""Values by the names of the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one `sub` says; `organization` and its id only where they contain no wildcard.

    `claims` are raw claims. `dangers` are for people, each the end of a sentence that begins with the `sub`.
    """

    organization: str | None = None
    organization_id: str | None = None
    match: Match = field(default_factory=dict[str, Value])
    claims: Match = field(default_factory=dict[str, Value])
    dangers: tuple[str, ...] = ()


type Reader = Callable[[Value], Subject | None]
"""Reads a `sub`; None where it has no form that says anything."""

type Writer = Callable[[Grant, Organization], Iterator[str]]
"""Yields IAM patterns for the `sub` of an organization's runs that a grant is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectGrammar:
    """The `sub` of one CI system. Source: its page on OIDC, as the module names it; docs/providers.md."""

    read: Reader | None = None
    write: Writer | None = None

    tenant: re.Pattern[str] | None = None
    """For an issuer that signs for several tenants: how a subject begins that belongs to one of them."""

    fixed_words: re.Pattern[str] | None = None
    """Matches a pattern that contains only wildcards and the words that every subject of this system has."""

    beginning: str | None = None
    """How `sub` begins in each token that the service accepts, where no user can customise it."""

    repository_only: re.Pattern[str] | None = None
    """Subjects that end with the repository. Only a customised subject does; otherwise a branch, tag or environment
    follows."""

    own_statement: str | None = None
    """Where a job can choose which id `sub` is: the beginning of the default form, which the system itself makes."""

    self_hosted: re.Pattern[str] | None = None
    """How all subjects of a self-hosted server begin, whatever its address."""


def wild(text: str) -> bool:
    """Say whether `text` has a wildcard."""
    return "*" in text or "?" in text


def part(value: Value, text: str) -> Value:
    """Return `text`, a part of `value`, as a separate value."""
    return Value(text, value.is_pattern and wild(text))


def exactly(text: str) -> Value:
    """Return the value that is only `text`."""
    return Value(text, is_pattern=False)


def says_something(text: str) -> bool:
    """Say whether `text` is more than wildcards."""
    return re.fullmatch(r"[*?]*", text) is None


WIDE_ORGANIZATION: Final = "also admits runs of other organizations: no organization is named before its first wildcard"

ONLY_CUSTOMISED: Final = (
    "admits no run: {}'s sub continues after this, unless it is customised to end here; add what follows, or :* for "
    "everything"
)

UNTRUSTED_RUNS: Final = "admits runs with an untrusted trigger, which the policy refuses unless the grant allows them"

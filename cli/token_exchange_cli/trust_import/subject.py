"""What a `sub` says, and the words for what is dangerous in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange_cli.trust_import.values import Value

type Match = Mapping[str, Value]
"""Values by the names of the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one `sub` says; `organization` and its id only where no wildcard is in them.

    `claims` are raw ones. `dangers` are for people, each the rest of a sentence that begins with the `sub`.
    """

    organization: str | None = None
    organization_id: str | None = None
    match: Match = field(default_factory=dict[str, Value])
    claims: Match = field(default_factory=dict[str, Value])
    dangers: tuple[str, ...] = ()


type Reader = Callable[[Value], Subject | None]
"""Reads a `sub` of one provider; None where it is in no form that says anything."""


def wild(text: str) -> bool:
    """Say whether `text` has a wildcard."""
    return "*" in text or "?" in text


def part(value: Value, text: str) -> Value:
    """Return `text`, a part of `value`, as a value of its own."""
    return Value(text, value.is_pattern and wild(text))


def says_something(text: str) -> bool:
    """Say whether `text` is more than wildcards."""
    return re.fullmatch(r"[*?]*", text) is None


WIDE_ORGANIZATION: Final = "takes runs of other organizations, too: no organization is named before its first wildcard"


ONLY_CUSTOMISED: Final = (
    "takes no run: {} has more behind this in sub, unless the repository's subject is customised to be only this; "
    "write what it goes on with, or :* for all"
)


OF_OUTSIDERS: Final = "takes runs of outsiders, which the policy refuses unless the grant allows them"

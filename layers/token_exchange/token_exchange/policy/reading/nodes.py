"""What a document is made of before anybody has asked what it means."""

from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.policy.reading.problems import PolicyUnusable, Problem

type Node = str | bool | int | float | Unquoted | list[Node] | dict[str, Node] | None
"""A value as it was written."""

MAX_DEPTH: Final = 20
"""Levels of nesting; a policy has eight."""

MAX_DIGITS: Final = 18
"""Longer numbers are no two readers' same number, and most likely ids that lack their quotes."""


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A plain scalar that readers of YAML take for something else than text."""

    text: str
    looks_like: Literal["a date", "a number", "a boolean"]


def unreadable(message: str) -> PolicyUnusable:
    """Return the error for a text that is no document."""
    return PolicyUnusable([Problem(path=(), code="syntax", message=message)])

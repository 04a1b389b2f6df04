"""Names of ECR repositories, patterns over them, and the templates that make patterns from who asks.

A pattern is what IAM's resource ARNs take: `*` stands for any run of characters, `/` included.
Source: ECR API Reference, CreateRepository (`repositoryName`); IAM User Guide, "IAM JSON policy elements: Resource".
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from token_exchange.policy.templates import Template, parse_template
from token_exchange.providers.vocabulary import Name

MAX_NAME_LENGTH: Final = 256
MIN_NAME_LENGTH: Final = 2

_COMPONENT: Final = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LITERAL: Final = re.compile(r"[a-z0-9._/*-]*")

WITH_SLASH: Final[frozenset[Name]] = frozenset({"organization", "repository"})
"""Names whose values may be several components; a slash in any other value would reach out of its place."""


def is_repository_name(name: str) -> bool:
    """Say whether `name` is a full ECR repository name."""
    return MIN_NAME_LENGTH <= len(name) <= MAX_NAME_LENGTH and _has_form(name)


def _has_form(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def pattern_covers(pattern: str, name: str) -> bool:
    """Say whether IAM's `*` pattern matches the whole of `name`, in time linear in its length."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    last = rest.pop()
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


class DoesNotFit(Exception):
    """A value cannot stand in a repository's name; `name` is whose value, `expected` says what could."""

    def __init__(self, name: Name, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")
        self.name = name
        self.expected = expected


def parse_repository_template(text: str) -> Template:
    """Return the template of a pattern that `text` spells.

    Raises:
        ValueError: no ECR repository could have such a name; says what was expected.
    """
    template = parse_template(text)
    if not all(_LITERAL.fullmatch(literal) for literal in template.literals):
        raise ValueError("expected lower-case letters, digits, ._-/, * and {name}")
    # A letter can stand wherever a wildcard or a value can: if it gives no name, nothing does.
    shape = "a".join(template.literals).replace("*", "a")
    if len(shape) > MAX_NAME_LENGTH or not _has_form(shape):
        raise ValueError("expected an ECR repository name, or a pattern of one")
    return template


def fill_repository_template(template: Template, value_of: Callable[[Name], str | None]) -> str:
    """Return the pattern for the caller whose values `value_of` gives.

    Raises:
        DoesNotFit: a value is absent, or is not in ECR's form of a name, or the result is too long.
    """
    values: list[str] = []
    for name in template.names:
        value = value_of(name)
        if value is None:
            raise DoesNotFit(name, "present")
        if not _has_form(value) or ("/" in value and name not in WITH_SLASH):
            raise DoesNotFit(name, "in the form of an ECR repository name")
        values.append(value)
    filled = template.filled(values)
    if len(filled) > MAX_NAME_LENGTH:
        raise DoesNotFit(template.names[0], f"short enough for a repository name of {MAX_NAME_LENGTH} characters")
    return filled


def covers_any(patterns: Sequence[str], name: str) -> bool:
    """Say whether one of `patterns` matches `name`."""
    return any(pattern_covers(pattern, name) for pattern in patterns)

"""The values that a policy spells as strings with a form of their own: durations, and templates of names."""

import re
from collections.abc import Callable
from typing import Final

from token_exchange.core.policy import Template
from token_exchange.core.reach import MAX_NAME_LENGTH, has_repository_form
from token_exchange.core.vocabulary import NAMES, Name

_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,6})([smh])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def duration_between(shortest: str, longest: str) -> Callable[[str], int]:
    """Return a reader that gives the seconds of a duration between the two, both included."""
    low, high = _seconds(shortest), _seconds(longest)

    def read(text: str) -> int:
        seconds = _seconds(text)
        if not low <= seconds <= high:
            raise ValueError(f"expected a duration between {shortest} and {longest}")
        return seconds

    return read


def _seconds(text: str) -> int:
    form = _DURATION.fullmatch(text)
    if not form:
        raise ValueError("expected a duration such as 90s, 30m or 12h")
    return int(form[1]) * _UNITS[form[2]]


def spelled_duration(seconds: int) -> str:
    """Return `seconds` as a policy would spell them, in the largest unit that leaves no rest."""
    unit = next(unit for unit in ("h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LITERAL: Final = re.compile(r"[a-z0-9._/*-]*")


def parse_template(text: str) -> Template:
    """Return the template that `text` spells.

    Raises:
        ValueError: a name is not in the vocabulary, or a brace is unmatched.
    """
    names: list[Name] = []
    for found in _PLACEHOLDER.finditer(text):
        name = next((name for name in NAMES if name == found[1]), None)
        if name is None:
            raise ValueError(f"expected a name of the vocabulary in braces ({', '.join(NAMES)})")
        names.append(name)
    literals = tuple(_PLACEHOLDER.split(text)[::2])
    if any("{" in literal or "}" in literal for literal in literals):
        raise ValueError("expected braces only around a name of the vocabulary")
    return Template(text=text, literals=literals, names=tuple(names))


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
    if len(shape) > MAX_NAME_LENGTH or not has_repository_form(shape):
        raise ValueError("expected an ECR repository name, or a pattern of one")
    return template

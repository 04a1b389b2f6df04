"""How a condition compares a claim."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None

type Test = Callable[[Json], bool]

OPERATORS = ("like", "not", "not_like", "exists")

_UUID_IN_BRACES = re.compile("[{]([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})[}]")


class Abstains(Exception):
    """The documents do not say what is right here."""


class NotAJob(Exception):
    """The token is not that of a job; names the claim that says so."""


def same(one: Json, other: Json) -> bool:
    """Compare two scalars as JSON has them: 1 and 1.0 are one number, true and 1 are not."""
    return kind(one) == kind(other) and one == other


def kind(value: Json) -> str:
    """Return the JSON type of `value`."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "null" if value is None else "list" if isinstance(value, list) else "object"


def has_control_character(text: str) -> bool:
    """Say whether `text` holds a character that no glob may meet."""
    return any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text)


def glob_matches(pattern: str, value: str) -> bool:  # noqa: C901 - one case a wildcard
    """Say whether `pattern` matches the whole of `value`, by trying every way, each once."""
    parts: list[str] = re.findall(r"\*\*+|.", pattern, re.DOTALL)
    reached = {0}
    for at in range(len(value) + 1):
        grown = sorted(reached)
        for place in grown:  # the list grows while it is walked: a run may be empty
            if place < len(parts) and parts[place][0] == "*" and place + 1 not in grown:
                grown.append(place + 1)
        if at == len(value):
            return len(parts) in grown
        reached = set()
        for place in grown:
            if place == len(parts):
                continue
            part, char = parts[place], value[at]
            if part == "?":
                reached |= {place + 1} if char not in "/:" else set()
            elif part == "*":
                reached |= {place} if char not in "/:" else set()
            elif part.startswith("**"):
                reached |= {place}
            elif part == char:
                reached |= {place + 1}
    raise AssertionError("the loop ends in its last turn")


def without_braces(value: Json) -> Json:
    """Return a UUID in braces without them, in a list too; everything else as it is."""
    if isinstance(value, list):
        return [without_braces(element) for element in value]
    found = _UUID_IN_BRACES.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else value


def folded(value: Json) -> Json:
    """Return text without its case, in a list too; everything else as it is."""
    if isinstance(value, list):
        return [folded(element) for element in value]
    if isinstance(value, dict):
        return {key: folded(element) for key, element in value.items()}
    return value.casefold() if isinstance(value, str) else value


def holds(wanted: Json, value: Json) -> bool:
    """Say whether the claim's `value`, None where it is absent, is as the policy has `wanted` it."""
    if not isinstance(wanted, dict):
        return value is not None and _some(value, lambda element: any(same(element, one) for one in _list(wanted)))
    return all(_operator_holds(operator, operand, value) for operator, operand in wanted.items())


def _operator_holds(operator: str, operand: Json, value: Json) -> bool:
    if operator == "exists":
        return (value is not None) is operand
    if value is None:
        return False
    given = _list(operand)
    if operator == "like":
        return _some(value, lambda element: _like(given, element))
    if isinstance(value, list) and len({kind(element) for element in value}) > 1:
        raise Abstains("a negation on a list of mixed types")
    elements = _list(value)
    if not elements:
        return False
    return all(_differs(operator, given, element) for element in elements)


def _differs(operator: str, given: Sequence[Json], element: Json) -> bool:
    if kind(element) not in {kind(one) for one in given} or element == "":
        return False
    if isinstance(element, str) and has_control_character(element):
        return False
    if operator == "not":
        return not any(same(element, one) for one in given)
    return not _like(given, element)


def _like(patterns: Sequence[Json], element: Json) -> bool:
    return (
        isinstance(element, str)
        and not has_control_character(element)
        and any(isinstance(pattern, str) and glob_matches(pattern, element) for pattern in patterns)
    )


def _some(value: Json, test: Test) -> bool:
    return any(test(element) for element in _list(value))


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def at(claims: Mapping[str, Json], path: Sequence[str]) -> Json:
    """Return the claim that `path` leads to, or None."""
    value: Json = dict(claims)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value

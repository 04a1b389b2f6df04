"""The fields of a policy document, read by type.

A reader returns None if the field is missing or wrong, and records the problem. A value built from such a field is
never used: loading ends by raising all problems.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal

from token_exchange.core.conditions import CONTROL_CHARACTERS
from token_exchange.core.record import positional_record
from token_exchange.core.refusals import quoted
from token_exchange.loading.problems import Code, Path, Place, PolicyUnusable, Problem, Problems

type Node = str | bool | int | float | Unquoted | list[Node] | dict[str, Node] | None
"""A value as the document spells it."""

MAX_DEPTH: Final = 20
"""Levels of nesting; a valid policy has eight."""

MAX_DIGITS: Final = 18
"""Parsers differ in how they read longer numbers, which are most likely ids without quotes."""


@positional_record
class Unquoted:
    """A plain scalar that some YAML parsers read as another type than a string."""

    text: str
    looks_like: Literal["a date", "a number", "a boolean"]


def unreadable(message: str, place: Place | None = None) -> PolicyUnusable:
    """Return the error for content that is not a document; `place` is where parsing failed."""
    return PolicyUnusable([Problem(path=(), code="syntax", message=message, place=place)])


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""The names of policy entries appear in parameters, session tags, metrics and logs."""

_MAX_LISTED_CHOICES: Final = 5
"""If there are more choices and one of them was most likely meant, the message does not list them."""

_MIN_PREFIX_CHARACTERS: Final = 3


class Fields:
    """The mapping at `path`; `finish` reports the keys that were not read."""

    def __init__(self, node: dict[str, Node], path: Path, problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._node = node
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._node

    def at(self, key: str) -> Path:
        """Return the path to the field `key`."""
        return (*self.path, key)

    def problem(self, key: str, code: Code, message: str) -> None:
        """Report what is wrong with the field `key`."""
        self.problems.add(self.at(key), code, message)

    def take(self, key: str, *, required: bool = False) -> Node:
        """Return the field as the document spells it, or None if it is missing."""
        self._asked.add(key)
        if key not in self._node:
            if required:
                self.problem(key, "missing", "missing")
            return None
        value = self._node[key]
        if value is None:
            self.problem(key, "empty", "expected a value; set one, or remove the key")
        return value

    def ignore(self, *keys: str) -> None:
        """Mark `keys` as read if another problem makes it impossible to interpret them."""
        self._asked.update(keys)

    def string(self, key: str, *, required: bool = False) -> str | None:
        """Return the field's string."""
        value = self.take(key, required=required)
        return None if value is None else string_of(value, self.at(key), self.problems)

    def name(self, key: str) -> str | None:
        """Return the field's string, which is the name of its entry."""
        name = self.string(key, required=True)
        if name is not None:
            self._check_name(name, self.at(key))
        return name

    def _check_name(self, name: str, path: Path) -> None:
        if not _NAME.fullmatch(name):
            self.problems.add(path, "bad-value", "expected a name of letters, digits and ._-, at most 128 characters")

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return the field's boolean."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(key, "wrong-type", f"expected true or false, found {described(value)}")
            return default
        return value

    def choice[T: str](self, key: str, choices: Sequence[T], *, default: T | None = None) -> T | None:
        """Return the field, which must be one of `choices`; without a default it is required."""
        value = self.string(key, required=default is None)
        if value is None:
            return default
        for choice in choices:
            if value == choice:
                return choice
        hint = did_you_mean(value, choices)
        expected = (
            f"a known {key}"
            if hint and len(choices) > _MAX_LISTED_CHOICES
            else ", ".join(choices[:-1]) + f" or {choices[-1]}"
        )
        self.problem(key, "bad-value", f"expected {expected}, found {quoted(value)}{hint}")
        return default

    def strings(self, key: str, *, required: bool = False, single: bool = False) -> tuple[str, ...] | None:
        """Return the field's list of strings, never empty; with `single`, one string counts as a list of one."""
        value = self.take(key, required=required)
        if value is None:
            return None
        if single and not isinstance(value, list | dict):
            found = string_of(value, self.at(key), self.problems)
            return None if found is None else (found,)
        if not isinstance(value, list):
            self.problem(key, "wrong-type", f"expected a list of strings, found {described(value)}")
            return None
        if not value:
            self.problem(key, "empty", "expected at least one item, found an empty list")
            return None
        texts = [string_of(item, (*self.at(key), index), self.problems) for index, item in enumerate(value)]
        found_texts = tuple(text for text in texts if text is not None)
        if len(set(found_texts)) < len(found_texts):
            self.problem(key, "duplicate-name", "the list has a duplicate value")
        return found_texts

    def mapping(self, key: str, *, required: bool = False) -> "Fields | None":
        """Return the field's mapping, never empty."""
        value = self.take(key, required=required)
        return None if value is None else fields_of(value, self.at(key), self.problems)

    def mappings(self, key: str, *, required: bool = False) -> Iterator["Fields"]:
        """Yield the mappings in the field's list, which is never empty."""
        value = self.take(key, required=required)
        if value is None:
            return
        if not isinstance(value, list):
            self.problem(key, "wrong-type", f"expected a list, found {described(value)}")
            return
        if not value:
            self.problem(key, "empty", "expected at least one item, found an empty list")
        for index, item in enumerate(value):
            fields = fields_of(item, (*self.at(key), index), self.problems)
            if fields is not None:
                yield fields

    def named_mappings(self, key: str, *, required: bool = False) -> Iterator[tuple[str, "Fields | None"]]:
        """Yield each key of the field's mapping with its mapping, or None if the value is not a mapping."""
        named = self.mapping(key, required=required)
        if named is None:
            return
        for name in named.names():
            self._check_name(name, named.at(name))
            value = named.take(name)
            yield name, None if value is None else fields_of(value, named.at(name), self.problems)

    def converted[T](self, key: str, convert: Callable[[str], T], *, required: bool = False) -> T | None:
        """Return `convert` of the field's string; its ValueError says what was expected."""
        value = self.string(key, required=required)
        if value is None:
            return None
        try:
            return convert(value)
        except ValueError as error:
            self.problem(key, "bad-value", f"{error}, found {quoted(value)}")
            return None

    def names(self) -> tuple[str, ...]:
        """Return all keys of the mapping, in the order of the document."""
        return tuple(self._node)

    def finish(self) -> None:
        """Report the keys that were not read.

        An ignored key is worse than an error: a misspelt `deny` or `match` would silently widen the policy.
        """
        for key in self._node:
            if key not in self._asked:
                expected = f"; expected one of {', '.join(sorted(self._asked))}" if self._asked else ""
                self.problem(key, "unknown-key", f"unknown key{did_you_mean(key, self._asked) or expected}")


def fields_of(value: Node, path: Path, problems: Problems) -> Fields | None:
    """Return the fields of `value`, or None, reporting it, if `value` is not a mapping or is empty."""
    if not isinstance(value, dict):
        problems.add(path, "wrong-type", f"expected a mapping, found {described(value)}")
        return None
    if not value:
        problems.add(path, "empty", "expected at least one key, found an empty mapping")
        return None
    return Fields(value, path, problems)


def string_of(value: Node, path: Path, problems: Problems) -> str | None:
    """Return `value`, or None, reporting it, if `value` is not a string, is empty or has a control character."""
    match value:
        case str():
            if not value:
                problems.add(path, "empty", "expected a non-empty string")
                return None
            if CONTROL_CHARACTERS.search(value):
                problems.add(path, "bad-value", "contains a control character or line break")
                return None
            return value
        case Unquoted(text, looks_like):
            problems.add(path, "ambiguous-value", f"looks like {looks_like}; quote it: '{text}'")
        case bool() | int() | float():
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            problems.add(path, "wrong-type", f"expected a string, found {described(value)}; quote it: '{shown}'")
        case _:
            problems.add(path, "wrong-type", f"expected a string, found {described(value)}")
    return None


def described(value: Node) -> str:
    """Return a description of `value` for messages."""
    match value:
        case None:
            return "no value"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the string {quoted(value)}"
        case Unquoted(text, looks_like):
            return f"{text}, which looks like {looks_like}"
        case list():
            return "a list"
        case dict():
            return "a mapping"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about the unknown `name`: the similar one of `known`, or nothing if none is."""
    found = closest_match(name, known)
    return "" if found is None else f"; did you mean {found}?"


def closest_match(name: str, known: Iterable[str]) -> str | None:
    """Return which of `known` `name` most likely means: the only one that starts with it, or the most similar."""
    names = sorted(known)
    begun = [one for one in names if one.startswith(name)] if len(name) >= _MIN_PREFIX_CHARACTERS else []
    if len(begun) == 1:
        return begun[0]
    # Imported here to keep the cold start short: most policies have no such mistake.
    from difflib import get_close_matches  # noqa: PLC0415 - as said above

    return next(iter(get_close_matches(name, names, n=1)), None)


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
    """Return `seconds` as a policy would spell them, in the largest unit that divides them."""
    unit = next(unit for unit in ("h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"

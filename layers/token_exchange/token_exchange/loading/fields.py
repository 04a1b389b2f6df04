"""What a document is made of before anybody has asked what it means."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.core.refusals import quoted
from token_exchange.loading.problems import Code, Path, Place, PolicyUnusable, Problem, Problems

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


def unreadable(message: str, place: Place | None = None) -> PolicyUnusable:
    """Return the error for a text that is no document, and where it stops being one."""
    return PolicyUnusable([Problem(path=(), code="syntax", message=message, place=place)])


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What names an entry of the policy travels in parameters, session tags, metrics and logs."""

_FEW: Final = 5
"""More choices than these are not listed where one of them was most likely meant."""

_LEAST_BEGINNING: Final = 3
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Fields:
    """The mapping at `path`; `finish` reports the keys that nobody asked for."""

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
        """Return the field as it was written, or None where it is missing."""
        self._asked.add(key)
        if key not in self._node:
            if required:
                self.problem(key, "missing", "missing")
            return None
        value = self._node[key]
        if value is None:
            self.problem(key, "empty", "has no value; give one, or leave the key out")
        return value

    def pass_over(self, *keys: str) -> None:
        """Leave `keys` unread, where something else that is wrong keeps them from being understood."""
        self._asked.update(keys)

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Return the field's text."""
        value = self.take(key, required=required)
        return None if value is None else text_of(value, self.at(key), self.problems)

    def name(self, key: str) -> str | None:
        """Return the field's text, which names what it stands in."""
        name = self.text(key, required=True)
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
        """Return which of `choices` the field is; without a default it is required."""
        value = self.text(key, required=default is None)
        if value is None:
            return default
        for choice in choices:
            if value == choice:
                return choice
        hint = meant(value, choices)
        expected = "another value" if hint and len(choices) > _FEW else ", ".join(choices[:-1]) + f" or {choices[-1]}"
        self.problem(key, "bad-value", f"expected {expected}, found {quoted(value)}{hint}")
        return default

    def texts(self, key: str, *, required: bool = False, single: bool = False) -> tuple[str, ...] | None:
        """Return the field's list of texts, never empty; with `single` one text stands for a list of one."""
        value = self.take(key, required=required)
        if value is None:
            return None
        if single and not isinstance(value, list | dict):
            found = text_of(value, self.at(key), self.problems)
            return None if found is None else (found,)
        if not isinstance(value, list):
            self.problem(key, "wrong-type", f"expected a list of texts, found {described(value)}")
            return None
        if not value:
            self.problem(key, "empty", "is an empty list")
            return None
        texts = [text_of(item, (*self.at(key), index), self.problems) for index, item in enumerate(value)]
        found_texts = tuple(text for text in texts if text is not None)
        if len(set(found_texts)) < len(found_texts):
            self.problem(key, "duplicate-name", "holds the same value more than once")
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
            self.problem(key, "empty", "is an empty list")
        for index, item in enumerate(value):
            fields = fields_of(item, (*self.at(key), index), self.problems)
            if fields is not None:
                yield fields

    def named_mappings(self, key: str, *, required: bool = False) -> Iterator[tuple[str, "Fields | None"]]:
        """Yield each name in the field's mapping with the mapping that it names, None where it names none."""
        named = self.mapping(key, required=required)
        if named is None:
            return
        for name in named.names():
            self._check_name(name, named.at(name))
            value = named.take(name)
            yield name, None if value is None else fields_of(value, named.at(name), self.problems)

    def converted[T](self, key: str, convert: Callable[[str], T], *, required: bool = False) -> T | None:
        """Return what `convert` makes of the field's text; its ValueError says what was expected."""
        value = self.text(key, required=required)
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
        """Report the keys that nobody asked for."""
        for key in self._node:
            if key not in self._asked:
                expected = f"; expected one of {', '.join(sorted(self._asked))}" if self._asked else ""
                self.problem(key, "unknown-key", f"unknown key{meant(key, self._asked) or expected}")


def fields_of(value: Node, path: Path, problems: Problems) -> Fields | None:
    """Return the fields of `value`, where it is a mapping that is not empty."""
    if not isinstance(value, dict):
        problems.add(path, "wrong-type", f"expected a mapping, found {described(value)}")
        return None
    if not value:
        problems.add(path, "empty", "is an empty mapping")
        return None
    return Fields(value, path, problems)


def text_of(value: Node, path: Path, problems: Problems) -> str | None:
    """Return `value`, where it is text that is not empty and has no control character."""
    match value:
        case str():
            if not value:
                problems.add(path, "empty", "is empty text")
                return None
            if _CONTROL.search(value):
                problems.add(path, "bad-value", "holds a control character or line break")
                return None
            return value
        case Unquoted(text, looks_like):
            problems.add(path, "ambiguous-value", f"looks like {looks_like}; quote it: '{text}'")
        case bool() | int() | float():
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            problems.add(path, "wrong-type", f"expected text, found {described(value)}; quote it: '{shown}'")
        case _:
            problems.add(path, "wrong-type", f"expected text, found {described(value)}")
    return None


def described(value: Node) -> str:
    """Return what `value` is, for a person."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case Unquoted(text, looks_like):
            return f"{text}, which looks like {looks_like}"
        case list():
            return "a list"
        case dict():
            return "a mapping"


def meant(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about the unknown `name`: which of `known` it resembles, empty where none does."""
    found = similar(name, known)
    return "" if found is None else f"; did you mean {found}?"


def similar(name: str, known: Iterable[str]) -> str | None:
    """Return which of `known` was most likely meant by `name`: the only one that begins so, or the closest."""
    names = sorted(known)
    begun = [one for one in names if one.startswith(name)] if len(name) >= _LEAST_BEGINNING else []
    if len(begun) == 1:
        return begun[0]
    # Imported here: most policies have no such mistake, and every start would wait for it.
    from difflib import get_close_matches  # noqa: PLC0415 - as said above

    return next(iter(get_close_matches(name, names, n=1)), None)

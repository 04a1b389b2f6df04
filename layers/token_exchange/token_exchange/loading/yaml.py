"""Reads YAML into plain values, from the events of libyaml's parser.

The events show what PyYAML's loaders hide: duplicate keys, anchors, tags, and whether a scalar was quoted.
"""

import re
from collections.abc import Iterator
from typing import Final, Protocol

import yaml

from token_exchange.loading.fields import MAX_DEPTH, Node, Unquoted, unreadable
from token_exchange.loading.problems import Path, Place, Problems, spelled_path


def read_yaml(text: str, problems: Problems, *, places: dict[Path, Place] | None = None) -> Node:
    """Return the one document in `text`.

    Features that a policy must not use are reported with their path. `places` receives the place of each field, which
    for a member of a mapping is that of its key, up to where reading ends.

    Raises:
        PolicyUnusable: it is not one YAML document.
    """
    tag_directive = f"\n{text}".find("\n%TAG")
    if tag_directive >= 0:
        # libyaml compares each directive with all earlier ones: a megabyte of them takes it seconds.
        raise unreadable(
            "%TAG directives are not allowed", Place(line=text.count("\n", 0, tag_directive) + 1, column=1)
        )
    try:
        return _Reader(yaml.parse(text, Loader=yaml.CSafeLoader), problems, places).document()
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        raise unreadable(error.problem or error.context or "not YAML", place) from error
    except yaml.YAMLError as error:
        raise unreadable(f"not YAML: {' '.join(str(error).split())}") from error


class _Reader:
    """Builds values from the events of a YAML parser, and reports features that a policy must not use."""

    def __init__(self, events: Iterator[yaml.Event], problems: Problems, places: dict[Path, Place] | None) -> None:
        self._events = events
        self._problems = problems
        self._places = places

    def document(self) -> Node:
        """Return the value of the only document."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise unreadable("the document is empty")
        node = self._node(next(self._events), ())
        next(self._events)  # the document's end
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise unreadable("more than one YAML document")
        return node

    def _node(self, event: yaml.Event, path: Path) -> Node:
        if len(path) > MAX_DEPTH:
            raise unreadable(f"more than {MAX_DEPTH} levels of nesting", _place(event.start_mark))
        self._record_place(event, path)
        if getattr(event, "anchor", None) is not None:
            self._problems.add_unclear(path, "syntax", _NO_ANCHORS)
        match event:
            case yaml.AliasEvent():
                return None
            case yaml.ScalarEvent():
                return self._scalar(event, path)
            case yaml.SequenceStartEvent():
                self._no_tag(event, path)
                return self._sequence(path)
            case yaml.MappingStartEvent():
                self._no_tag(event, path)
                return self._mapping(path)
            case _:
                raise unreadable("not a YAML document")

    def _record_place(self, event: yaml.Event, path: Path) -> None:
        if self._places is not None and path not in self._places and (place := _place(event.start_mark)) is not None:
            self._places[path] = place

    def _no_tag(self, event: yaml.MappingStartEvent | yaml.ScalarEvent | yaml.SequenceStartEvent, path: Path) -> None:
        if event.tag is not None:
            self._problems.add_unclear(path, "syntax", "tags are not allowed; write the value itself")

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Node:
        self._no_tag(event, path)
        return _plain(event.value) if event.style in (None, "") else str(event.value)

    def _sequence(self, path: Path) -> list[Node]:
        found: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._node(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            value = self._node(next(self._events), (*path, key))
            if key in found:
                self._problems.add_unclear((*path, key), "duplicate-key", "duplicate key", _place(event.start_mark))
            else:
                found[key] = value
        return found

    def _key(self, event: yaml.Event, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            message = f"{spelled_path(path) or 'the document'}: a key must be a string"
            raise unreadable(message, _place(event.start_mark))
        name = str(event.value)
        here = (*path, name)
        self._record_place(event, here)
        key = self._scalar(event, here)
        if event.anchor is not None:
            self._problems.add_unclear(here, "syntax", _NO_ANCHORS)
        if key == "<<" and event.style in (None, ""):
            self._problems.add_unclear(here, "syntax", "merge keys are not allowed; write the values out")
        if not isinstance(key, str) and name not in _MEMBERS_OF_KEYS:
            self._problems.add_unclear(here, "ambiguous-value", f"quote the key: '{name}'")
        return name


class _Mark(Protocol):
    """A position, as libyaml and PyYAML count it, from 0."""

    line: int
    column: int


def _place(mark: _Mark | None) -> Place | None:
    return None if mark is None else Place(line=mark.line + 1, column=mark.column + 1)


_NO_ANCHORS: Final = "anchors and aliases are not allowed; write the value out"
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")

_OTHER_NUMBER: Final = re.compile(
    r"[-+]?(?:0x[0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+|\.?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|\.inf|\.Inf|\.INF|Infinity)|\.nan|\.NaN|\.NAN|NaN"
)

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN_WORDS: Final = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
_MEMBERS_OF_KEYS: Final = frozenset({"n", "y"})
"""The members of a JSON Web Key that look like booleans: as keys of a mapping, they need no quotes."""

_FIRST_OF_SPECIAL: Final = frozenset("0123456789+-.~nNyYoOtTfFI")


def _plain(text: str) -> Node:
    """Return the value of an unquoted scalar, or `Unquoted` if YAML 1.1 and 1.2 read it differently."""
    if text and text[0] not in _FIRST_OF_SPECIAL:
        return text
    if text in _NULLS:
        return None
    if text in ("true", "false"):
        return text == "true"
    if text.lower() in _BOOLEAN_WORDS:
        return Unquoted(text, "a boolean")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _DATE.fullmatch(text):
        return Unquoted(text, "a date")
    if _OTHER_NUMBER.fullmatch(text):
        return Unquoted(text, "a number")
    return text

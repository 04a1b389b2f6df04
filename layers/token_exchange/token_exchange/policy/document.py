"""Reads one YAML or JSON document into plain values, and guesses nothing.

YAML 1.1 turns `no` into false, `22:30` into 1350 and `2027-06-30` into a date: here such a scalar stays what was
written, marked as `Unquoted`, and is an error wherever it lands. Anchors, aliases, merge keys and tags are errors:
a policy must mean what a reviewer sees in the line.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.policy.problems import Path, PolicyUnusable, Problem, Problems

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


def read_document(text: bytes, problems: Problems) -> Node:
    """Return the one document in `text`, which is YAML or JSON in UTF-8.

    What a policy may not use is reported with its path, and the reading goes on.

    Raises:
        PolicyUnusable: it is neither YAML nor JSON, or not one document.
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(f"not UTF-8 at byte {error.start}") from error
    # JSON is nearly YAML, and an order of magnitude faster to read as what it is.
    node = _read_json(decoded, problems) if decoded.lstrip().startswith("{") else _NOT_JSON
    if isinstance(node, _NotJson):
        # Imported here: a policy in JSON, the deployed form, has no use for it.
        from token_exchange.policy.yaml_document import read_yaml  # noqa: PLC0415

        node = read_yaml(decoded, problems)
    return node


def unreadable(message: str) -> PolicyUnusable:
    """Return the error for a text that is no document."""
    return PolicyUnusable([Problem(path=(), code="syntax", message=message)])


class _NotJson:
    """Stands for a text that is no JSON."""


_NOT_JSON: Final = _NotJson()


class _Repeated(dict[str, Node]):
    """An object of which some keys stand more than once; the first of each counts."""

    def __init__(self, pairs: list[tuple[str, Node]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, value)
        self.keys_again = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


def _read_json(text: str, problems: Problems) -> Node | _NotJson:
    repeated: list[_Repeated] = []

    def mapping(pairs: list[tuple[str, Node]]) -> dict[str, Node]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        repeated.append(_Repeated(pairs))
        return repeated[-1]

    try:
        node: Node = json.loads(
            text, object_pairs_hook=mapping, parse_constant=_no_number, parse_float=_float, parse_int=_integer
        )
    except (ValueError, RecursionError):
        return _NOT_JSON
    if repeated or _depth_exceeds(text) or "\\u" in text:
        _report_what_only_json_allows(node, problems)
    return node


def _report_what_only_json_allows(node: Node, problems: Problems) -> None:
    for path, found in _walk(node, ()):
        if len(path) > MAX_DEPTH:
            raise unreadable(f"more than {MAX_DEPTH} levels of nesting")
        if isinstance(found, _Repeated):
            for key in found.keys_again:
                problems.add_unclear((*path, key), "duplicate-key", "stands more than once")
        if _holds_surrogate(found) or (path and _holds_surrogate(path[-1])):
            problems.add_unclear(path, "bad-value", "holds half of a surrogate pair, which is no character")


def _no_number(text: str) -> Unquoted:
    return Unquoted(text, "a number")


def _float(text: str) -> Node:
    value = float(text)
    return _no_number(text) if math.isinf(value) else value


def _integer(text: str) -> Node:
    return int(text) if len(text.lstrip("-")) <= MAX_DIGITS else _no_number(text)


def _holds_surrogate(found: Node) -> bool:
    """Say whether `found` is text that has no form in UTF-8, so that no file, hash or log can hold it."""
    return isinstance(found, str) and any("\ud800" <= char <= "\udfff" for char in found)


def _depth_exceeds(text: str) -> bool:
    """Say whether `text` could nest too deeply: a cheap upper bound."""
    return text.count("[") + text.count("{") > MAX_DEPTH


def _walk(node: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    stack: list[tuple[Path, Node]] = [(path, node)]
    while stack:
        here, found = stack.pop()
        yield here, found
        if isinstance(found, dict):
            stack.extend(((*here, key), value) for key, value in reversed(found.items()))
        elif isinstance(found, list):
            stack.extend(((*here, index), value) for index, value in enumerate(found))

"""Reads JSON into plain values, and reports what JSON allows and a policy does not."""

import json
import math
from collections import Counter
from collections.abc import Iterator

from token_exchange.policy.reading.nodes import MAX_DEPTH, MAX_DIGITS, Node, Unquoted, unreadable
from token_exchange.policy.reading.problems import Path, Problems


class _Repeated(dict[str, Node]):
    """An object of which some keys stand more than once; the first of each counts."""

    def __init__(self, pairs: list[tuple[str, Node]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, value)
        self.keys_again = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


class NotJson(Exception):
    """The text is no JSON; it may be YAML."""


def read_json(text: str, problems: Problems) -> Node:
    """Return the value that `text` spells; what a policy may not use is reported with its path.

    Raises:
        NotJson: it is none.
        PolicyUnusable: it nests too deeply.
    """
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
    except (ValueError, RecursionError) as error:
        raise NotJson from error
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

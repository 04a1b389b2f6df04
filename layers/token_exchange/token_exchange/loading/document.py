"""Reads the text of a policy, in JSON or YAML, and the files that it names."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Protocol

from token_exchange.loading.fields import MAX_DEPTH, MAX_DIGITS, Fields, Node, Unquoted, fields_of, unreadable
from token_exchange.loading.hidden_characters import hidden_characters
from token_exchange.loading.problems import Path, PolicyUnusable, Problem, Problems


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


def read_mapping(text: bytes, problems: Problems) -> Fields | None:
    """Return the fields of the one document in `text`, or None where it is none or no mapping, which is reported."""
    try:
        node = read_document(text, problems)
    except PolicyUnusable as error:
        problems.include(error)
        return None
    return fields_of(node, (), problems)


def read_document(text: bytes, problems: Problems) -> Node:
    """Return the one document in `text`, which is YAML or JSON in UTF-8.

    What a policy may not use is reported with its path, and the reading goes on.

    Raises:
        PolicyUnusable: it is neither YAML nor JSON, not one document, or does not read to a person as to the parser.
    """
    decoded = readable_text(text)
    # JSON is nearly YAML, and an order of magnitude faster to read as what it is.
    if decoded.lstrip().startswith("{"):
        try:
            return read_json(decoded, problems)
        except NotJson:
            pass  # a YAML document may begin like that, too
    # Imported here: a policy in JSON, the deployed form, has no use for it.
    from token_exchange.loading.yaml import read_yaml  # noqa: PLC0415

    return read_yaml(decoded, problems)


def readable_text(text: bytes) -> str:
    """Return `text` decoded, where it reads to a person as it does to a parser.

    Raises:
        PolicyUnusable: it does not, or is not UTF-8.
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(f"not UTF-8 at byte {error.start}") from error
    # Before anything is parsed: behind such a character the parser and a reviewer see two documents.
    hidden = [
        Problem(path=(), code="hidden-character", message=f"expected text without {described}", place=place)
        for place, described in hidden_characters(text)
    ]
    if hidden:
        raise PolicyUnusable(hidden)
    return decoded


class ReadFile(Protocol):
    """Reads a file for a policy that is a file itself."""

    def __call__(self, path: str) -> bytes:
        """Return the bytes of the file at `path`, relative to the policy's folder unless absolute.

        Raises:
            OSError: it cannot be read.
        """
        ...


class NamedFiles:
    """Reads the files that a document names, and remembers their bytes."""

    def __init__(self, read: ReadFile | None) -> None:
        self._read = read
        self._contents: dict[str, bytes] = {}

    def content(self, path: str) -> bytes:
        """Return the bytes of the file at `path`.

        Raises:
            ValueError: the file may not be named, or cannot be read; says why.
        """
        if self._read is None:
            raise ValueError("expected the text itself: only a policy that is a file can name files")
        pure = PurePosixPath(path)
        # A team that may edit the policy must not be able to make the service read whatever it likes.
        if not pure.is_absolute() and ".." in pure.parts:
            raise ValueError("expected a path inside the policy's folder, or an absolute one")
        try:
            content = self._contents[path] if path in self._contents else self._read(path)
        except OSError as error:
            raise ValueError(f"expected a file that can be read ({error.strerror or type(error).__name__})") from error
        for place, described in hidden_characters(content):
            raise ValueError(f"expected a file that reads to a person as to its parser, not {described} ({place})")
        self._contents[path] = content
        return content

    def read_so_far(self) -> Mapping[str, bytes]:
        """Return the bytes of every file read, by its path as the policy names it."""
        return self._contents


def identity_of(
    document_name: str, document: bytes, named: Mapping[str, bytes], *, grant_files: Mapping[str, bytes] | None = None
) -> str:
    """Return the hex SHA-256 over all files of a policy, each preceded by its path and length.

    First `document`, then the files of grants and then those that are named, each in the order of their paths.
    """
    digest = sha256()
    for path, content in [(document_name, document), *sorted((grant_files or {}).items()), *sorted(named.items())]:
        name = path.encode()
        digest.update(len(name).to_bytes(8) + name + len(content).to_bytes(8) + content)
    return digest.hexdigest()

"""Reads a policy document, in JSON or YAML, and the files that it names.

Nothing is guessed. YAML 1.1 turns `no` into false, `22:30` into 1350 and `2027-06-30` into a date. Here such a scalar
stays as it was written, marked as `Unquoted`, and is an error where a string is expected.

A policy must mean what a reviewer sees. So anchors, aliases, merge keys and tags are errors, and so are characters that
make a document read differently to a reviewer than to its parser. YAML 1.1 ends a line, and with it a comment, at
U+0085, U+2028, U+2029 and at a carriage return without a line feed; editors and code review show one line there, so a
grant could be hidden in what looks like a comment. Bidirectional controls change the order in which a line is shown
(CVE-2021-42574, "Trojan Source"), and other control characters are not shown at all.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

from token_exchange.loading.fields import MAX_DEPTH, MAX_DIGITS, Fields, Node, Unquoted, fields_of, unreadable
from token_exchange.loading.problems import Path, Place, PolicyUnusable, Problem, Problems

if TYPE_CHECKING:
    from mmap import mmap

type Content = bytes | mmap
"""The content of a policy: a compiled one can be a file of which only parts are read."""

COMPILED_MARK: Final = b"\x89TXP\r\n\x1a\n"
"""The first bytes of a compiled policy, as PNG has them: no text begins so, and what alters line ends alters them."""


def is_compiled(content: Content) -> bool:
    """Say whether `content` is a compiled policy, and not a text."""
    return content[: len(COMPILED_MARK)] == COMPILED_MARK


class _Repeated(dict[str, Node]):
    """An object with duplicate keys; the first of each is kept."""

    def __init__(self, pairs: list[tuple[str, Node]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, value)
        self.keys_again = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


class NotJson(Exception):
    """The content is not JSON; it may be YAML."""


def read_json(text: str, problems: Problems) -> Node:
    """Return the value of the JSON in `text`; features that a policy must not use are reported with their path.

    Raises:
        NotJson: it is not JSON.
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
        _report_disallowed_json(node, problems)
    return node


def _report_disallowed_json(node: Node, problems: Problems) -> None:
    for path, found in _walk(node, ()):
        if len(path) > MAX_DEPTH:
            raise unreadable(f"more than {MAX_DEPTH} levels of nesting")
        if isinstance(found, _Repeated):
            for key in found.keys_again:
                problems.add_unclear((*path, key), "duplicate-key", "duplicate key")
        if _holds_surrogate(found) or (path and _holds_surrogate(path[-1])):
            problems.add_unclear(path, "bad-value", "contains a lone surrogate, which is not a character")


def _no_number(text: str) -> Unquoted:
    return Unquoted(text, "a number")


def _float(text: str) -> Node:
    value = float(text)
    return _no_number(text) if math.isinf(value) else value


def _integer(text: str) -> Node:
    return int(text) if len(text.lstrip("-")) <= MAX_DIGITS else _no_number(text)


def _holds_surrogate(found: Node) -> bool:
    """Return whether `found` is a string that has no UTF-8 form, so that no file, hash or log can contain it."""
    return isinstance(found, str) and any("\ud800" <= char <= "\udfff" for char in found)


def _depth_exceeds(text: str) -> bool:
    """Return whether `text` could be nested too deeply: a cheap upper bound."""
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
    """Return the fields of the one document in `text`, or None, reporting it, if it is not a document or a mapping."""
    try:
        node = read_document(text, problems)
    except PolicyUnusable as error:
        problems.include(error)
        return None
    return fields_of(node, (), problems)


def read_document(text: bytes, problems: Problems) -> Node:
    """Return the one document in `text`, which is YAML or JSON in UTF-8.

    Features that a policy must not use are reported with their path, and reading continues.

    Raises:
        PolicyUnusable: it is neither YAML nor JSON, not one document, or contains hidden characters.
    """
    decoded = readable_text(text)
    # JSON is almost a subset of YAML, and its parser is ten times as fast.
    if decoded.lstrip().startswith("{"):
        try:
            return read_json(decoded, problems)
        except NotJson:
            pass  # a YAML document may begin like that too
    # Imported here to keep the cold start short: a deployed policy is JSON.
    from token_exchange.loading.yaml import read_yaml  # noqa: PLC0415

    return read_yaml(decoded, problems)


def readable_text(text: bytes) -> str:
    """Return `text` decoded, if a reviewer and a parser read it the same way.

    Raises:
        PolicyUnusable: it contains hidden characters, or is not UTF-8.
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        lines = text[: error.start].split(b"\n")
        place = Place(line=len(lines), column=len(lines[-1].decode("utf-8")) + 1)
        raise unreadable("not UTF-8", place) from error
    # Before anything is parsed: after such a character, the parser and a reviewer see different documents.
    hidden = [
        Problem(
            path=(),
            code="hidden-character",
            message=f"expected only visible characters, found {described}",
            place=place,
        )
        for place, described in hidden_characters(text)
    ]
    if hidden:
        raise PolicyUnusable(hidden)
    return decoded


_ORDINARY: Final = bytes(range(0x20, 0x7F)) + b"\t\n"

_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)"
)

_MAX_REPORTED: Final = 20
"""A file with the line endings of classic Mac OS has one in each line."""


def hidden_characters(content: bytes) -> Iterator[tuple[Place, str]]:
    """Yield place and description of the hidden characters of `content`, at most 20.

    Only a line feed ends a line, as a reviewer counts lines. The caller must refuse what is not UTF-8.
    """
    # Removing the visible ASCII is as fast as a copy, keeps UTF-8 valid, and leaves nothing of almost every policy.
    rest = content.replace(b"\r\n", b"\n").translate(None, _ORDINARY)
    if not _HIDDEN.search(rest.decode("utf-8", errors="replace")):
        return
    text = content.decode("utf-8", errors="replace")
    for found in islice(_HIDDEN.finditer(text), _MAX_REPORTED):
        start = found.start()
        line_start = text.rfind("\n", 0, start) + 1
        place = Place(line=text.count("\n", 0, start) + 1, column=start - line_start + 1)
        yield place, _described(found[0])


def _described(character: str) -> str:
    match character:
        case "\r":
            return "a carriage return without a line feed"
        case "\x85" | "\u2028" | "\u2029":
            return f"the line separator {_code_point(character)}, which ends a line only in YAML"
        case _ if character < "\xa0":
            return f"the control character {_code_point(character)}"
        case _:
            return f"the bidirectional control {_code_point(character)}"


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


class ReadFile(Protocol):
    """Reads a file that a policy names."""

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
            raise ValueError("expected the content itself: only a policy read from a file can name files")
        pure = PurePosixPath(path)
        # A team that can edit the policy must not be able to make the service read arbitrary files.
        if not pure.is_absolute() and ".." in pure.parts:
            raise ValueError("expected a path inside the policy's folder, or an absolute path")
        try:
            content = self._contents[path] if path in self._contents else self._read(path)
        except OSError as error:
            raise ValueError(f"expected a readable file ({error.strerror or type(error).__name__})") from error
        for place, described in hidden_characters(content):
            raise ValueError(f"expected a file with only visible characters, not {described} ({place})")
        self._contents[path] = content
        return content

    def read_so_far(self) -> Mapping[str, bytes]:
        """Return the bytes of every file read, by its path as the policy names it."""
        return self._contents


def identity_of(
    document_name: str, document: bytes, named: Mapping[str, bytes], *, grant_files: Mapping[str, bytes] | None = None
) -> str:
    """Return the hex SHA-256 over all files of a policy, each preceded by its path and length.

    The order is `document`, the files of grants, and the named files, each sorted by path. Path and length come first,
    so that no two sets of files have the same bytes.
    """
    digest = sha256()
    for path, content in [(document_name, document), *sorted((grant_files or {}).items()), *sorted(named.items())]:
        name = path.encode()
        digest.update(len(name).to_bytes(8) + name + len(content).to_bytes(8) + content)
    return digest.hexdigest()

"""Find the audit lines in logs of any size, without parsing those that are bare audit lines already.

A line is the record itself, or what AWS puts around it: the time and the stream before it, as `aws logs tail` and an
export to S3 have them; an object that has it as text under `message`, as CloudWatch Logs hands events on, or that
object's own line, as the AWS CLI prints it; or several such objects one after the other, as Firehose writes them.
Source: CloudWatch Logs User Guide, "Log group-level subscription filters" and "Exporting log data to Amazon S3".
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader, BytesIO
from pathlib import Path
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import input_name
from token_exchange_cli.logs.files import PACKED_BADLY, damaged, files_of, opened

MAX_LINE_BYTES: Final = 1024 * 1024
"""A record has up to 8 KiB; an object of CloudWatch Logs, up to 1 MiB, may contain many."""

_PIECE_BYTES: Final = 64 * 1024

_MARKS: Final = (b'"record":"audit"', b'"record": "audit"')
"""How the service writes it, and how a program may have written it again."""

_MARK_WITHIN: Final = re.compile(rb'\\+"record\\+" ?: ?\\+"audit\\+"')
"""The same within a string, and within one that is in a string."""

_BETWEEN_OBJECTS: Final = re.compile(rb"\} ?\{")

_MAX_WRAPPINGS: Final = 8
_TEXTS: Final = ("message", "@message", "value")
_BATCHES: Final = ("logEvents", "events")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a file, by its number from 1, and the audit lines in it, which may still be no JSON.

    `problem` says why it, or a part of it, could not be read. `record` is the only audit line, if it was parsed. Not
    keyword-only: a million of them are made.
    """

    file: str
    number: int
    audit: tuple[bytes, ...] = ()
    problem: str | None = None
    record: dict[str, Json] | None = None


type ParseWhole = Callable[[bytes], dict[str, Json] | None]
"""Parses a line that is nothing but one audit line as the service writes it; None for any other."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file, from the number `first` on, in which nothing was looked for yet.

    `text` is None if they can be read again, from `offset` on: that is cheaper than to pass them to another process.
    """

    file: str
    first: int
    size: int
    text: bytes | None
    offset: int | None = None

    def lines(self, parse: ParseWhole | None = None) -> Iterator[LogLine]:
        """Yield each line, parsed by `parse` where it can: that is faster than to look into it first.

        Raises:
            Unusable: the block has no text, and its file cannot be read again.
        """
        text = self._read_again() if self.text is None else self.text
        number, start = self.first, 0
        while start < len(text):
            end = text.find(b"\n", start) + 1 or len(text)
            if end - start > MAX_LINE_BYTES:
                yield from _long_line(self.file, number, text[start:end], BytesIO())
            elif parse is not None and (record := parse(text[start:end])) is not None:
                yield LogLine(self.file, number, (text[start:end],), None, record)
            else:
                yield _read(self.file, number, text[start:end])
            number, start = number + 1, end

    def _read_again(self) -> bytes:
        with opened(self.file) as stream:
            stream.seek(self.offset or 0)
            text = stream.read(self.size)
        if len(text) < self.size:
            raise Unusable(f"{input_name(self.file)}: was truncated while it was read")
        return text


def log_lines(arguments: Iterable[str]) -> Iterator[LogLine]:
    """Yield every line of the files and folders `arguments`, and of standard input.

    Raises:
        Unusable: one cannot be read.
        Damaged: what is packed in one is cut off or damaged.
    """
    for file in files_of(arguments):
        yield from lines_of(file)


def lines_of(file: str) -> Iterator[LogLine]:
    """Yield every line of one file, or of standard input; raises as `log_lines` does."""
    for part in _parts_of(file, for_another_process=False):
        yield from part.lines() if isinstance(part, Block) else (part,)


def log_parts(arguments: Iterable[str]) -> Iterator[Block | LogLine]:
    """Yield the lines of `log_lines` in blocks, for another process; only a line that is too long for one is read.

    Raises as `log_lines` does.
    """
    for file in files_of(arguments):
        yield from _parts_of(file, for_another_process=True)


def _parts_of(file: str, *, for_another_process: bool) -> Iterator[Block | LogLine]:
    number, held = 1, b""
    with opened(file) as stream:
        # A link may be to what only this process has open, such as /dev/stdin.
        is_readable_there = isinstance(stream, BufferedReader) and stream.seekable() and not Path(file).is_symlink()
        try:
            while piece := stream.read1(_PIECE_BYTES):
                if end := piece.rfind(b"\n") + 1:
                    size = len(held) + end
                    if for_another_process and is_readable_there:
                        yield Block(file, number, size, None, stream.tell() - len(held) - len(piece))
                    else:
                        yield Block(file, number, size, held + piece[:end])
                    number += piece.count(b"\n")
                    held = piece[end:]
                    continue
                held += piece
                if len(held) > MAX_LINE_BYTES:
                    begin, held = held, b""
                    yield from _long_line(file, number, begin, stream)
                    number += 1
        except PACKED_BADLY as error:
            raise damaged(file, number - 1, error) from error
    if held:
        yield Block(file, number, len(held), held)


def _read(file: str, number: int, line: bytes) -> LogLine:
    for mark in _MARKS:
        if mark in line:
            text = line[max(0, line.find(b"{")) :].strip()
            if not text.isascii() and not _is_utf8(text):
                return LogLine(file, number, (), "not UTF-8")
            is_one = line.count(mark) == 1 and _BETWEEN_OBJECTS.search(text) is None
            if text.startswith(b"{") and text.endswith(b"}") and is_one:
                return LogLine(file, number, (text,))
            return _unwrapped(file, number, text)
    if _MARK_WITHIN.search(line):
        return _unwrapped(file, number, line.strip())
    return LogLine(file, number, (), _problem_of_other(line.strip()))


def _problem_of_other(text: bytes) -> str | None:
    """Return why a line without the mark may still hide an audit line: it is truncated, or not text."""
    start = text.find(b"{")
    if not text.isascii() and not _is_utf8(text):
        return "not UTF-8"
    if text == b"{":
        return None
    if start < 0:
        return "not JSON" if text.endswith(b"}") and text.rstrip(b"}]").endswith(b'"') else None
    found, rest = _objects(text[start:])
    # A line whose beginning is cut off may have whole objects within it.
    return None if found and not rest.startswith((b"{", b"}", b"]", b",")) else "not JSON"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _long_line(file: str, number: int, begin: bytes, stream: BufferedIOBase) -> Iterator[LogLine]:
    """Yield what a line holds that is too long to be one object: objects one after the other, as far as they go."""
    rest, is_whole = begin, begin.endswith(b"\n")
    while True:
        found, rest = _objects(rest)
        if audit := _audit_texts(found):
            yield LogLine(file, number, audit)
        if is_whole or (not found and len(rest) > MAX_LINE_BYTES):
            break
        piece = stream.readline(MAX_LINE_BYTES + 1)
        rest, is_whole = rest + piece, not piece or piece.endswith(b"\n")
    if rest.strip():
        is_long = len(rest) > MAX_LINE_BYTES
        yield LogLine(file, number, (), f"more than {MAX_LINE_BYTES} bytes" if is_long else "not JSON")
    if not is_whole:
        _skip_line(stream)


def _skip_line(stream: BufferedIOBase) -> None:
    while (piece := stream.readline(MAX_LINE_BYTES)) and not piece.endswith(b"\n"):
        pass


def _unwrapped(file: str, number: int, text: bytes) -> LogLine:
    if text.startswith(b'"record"'):
        return LogLine(file, number, (), "not JSON: a record is expected on one line")
    if text.startswith(b'"'):
        # The line of an object that is printed over several lines.
        text = b"{" + text.removesuffix(b",") + b"}"
    found, rest = _objects(text[max(0, text.find(b"{")) :])
    audit = _audit_texts(found)
    is_lost = any(mark in rest for mark in _MARKS) or _MARK_WITHIN.search(rest) is not None
    return LogLine(file, number, audit, "not JSON" if is_lost or not found else None)


_JSON: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Object:
    """One JSON object, and its text."""

    value: Json
    text: str


def _objects(text: bytes) -> tuple[list[_Object], bytes]:
    """Return the objects at the start of `text`, one after the other, and what follows them."""
    decoded, found, at = text.decode("utf-8", "replace"), list[_Object](), 0
    while True:
        while decoded[at : at + 1].isspace():
            at += 1
        if not decoded.startswith("{", at):
            break
        begin = at
        try:
            value, at = _JSON.raw_decode(decoded, begin)
        except (ValueError, RecursionError):
            break
        found.append(_Object(value, decoded[begin:at]))
    return found, decoded[at:].encode()


def _audit_texts(found: Iterable[_Object]) -> tuple[bytes, ...]:
    return tuple(text for one in found for text in _texts_in(one, 0))


def _texts_in(found: _Object, depth: int) -> Iterator[bytes]:
    value = found.value
    if not isinstance(value, dict) or depth > _MAX_WRAPPINGS:
        return
    if value.get("record") == "audit":
        # Its own text: a member that occurs twice in it does so still. A line break is white space in it.
        yield found.text.replace("\n", " ").replace("\r", " ").encode()
        return
    for name in _TEXTS:
        text = value.get(name)
        if isinstance(text, str) and "audit" in text:
            inner = text[max(text.find("{"), 0) :].encode("utf-8", "replace")
            for one in _objects(inner)[0]:
                yield from _texts_in(one, depth + 1)
    for name in _BATCHES:
        batch = value.get(name)
        for event in batch if isinstance(batch, list) else []:
            yield from _texts_in(_Object(event, json.dumps(event)), depth + 1)

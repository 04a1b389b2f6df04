"""Read audit records from a log of any size, line by line, gzipped or not.

A line is the record itself, or what AWS puts around it: the time and the stream before it, as `aws logs tail` prints
them, or an object that has it as text under `message`, as CloudWatch Logs hands events on, or that object's own line.
Source: CloudWatch Logs User Guide, "Log group-level subscription filters"; RFC 1952 section 2.3.1 for the magic bytes.
"""

import gzip
import io
import zlib
from collections.abc import Buffer, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import STANDARD_INPUT, shown_name, standard_input

_GZIP: Final = b"\x1f\x8b"

_MAX_LINE_BYTES: Final = 1024 * 1024
"""A record has up to 8 KiB; an object of CloudWatch Logs, up to 1 MiB, may contain many."""

_PRINTED: Final = b'"message":'
"""How `aws logs filter-log-events` begins the line of an event that contains its message."""

_WRAPPED: Final = ("message", "@message")
_BATCHES: Final = ("logEvents", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line, by its number from 1, and the audit records in it; `problem` says why it could not be read."""

    number: int
    records: tuple[Mapping[str, Json], ...] = ()
    problem: str | None = None


def log_lines(argument: str) -> Iterator[LogLine]:
    """Yield every line of the file `argument`, or of standard input.

    Raises:
        Unusable: the file cannot be read, or what is packed in it is cut off or damaged.
    """
    number = 0
    try:
        with _opened(argument) as stream:
            while line := stream.readline(_MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > _MAX_LINE_BYTES:
                    if not line.endswith(b"\n"):
                        _skip_line(stream)
                    yield LogLine(number=number, problem=f"more than {_MAX_LINE_BYTES} bytes")
                else:
                    yield _read(number, line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Unusable(f"{shown_name(argument)}: behind line {number}: no whole gzip file: {error}") from error
    except OSError as error:
        raise Unusable(f"{shown_name(argument)}: {(error.strerror or type(error).__name__).lower()}") from error


@contextmanager
def _opened(argument: str) -> Iterator[io.BufferedIOBase]:
    if argument == STANDARD_INPUT:
        yield _unpacked(standard_input())
        return
    try:
        file = open(argument, "rb")  # noqa: PTH123, SIM115 - as in input_files; closed below
    except ValueError as error:
        raise Unusable(f"{shown_name(argument)}: not a file name") from error
    with file:
        yield _unpacked(file)


def _unpacked(stream: IO[bytes]) -> io.BufferedIOBase:
    buffered = io.BufferedReader(_Raw(stream))
    if buffered.peek(len(_GZIP)).startswith(_GZIP):
        return gzip.GzipFile(fileobj=buffered)
    return buffered


class _Raw(io.RawIOBase):
    """The raw stream below a reader that can peek: standard input may not be seekable."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        found = self._stream.read(len(view))
        view[: len(found)] = found
        return len(found)


def _skip_line(stream: io.BufferedIOBase) -> None:
    while (piece := stream.readline(_MAX_LINE_BYTES)) and not piece.endswith(b"\n"):
        pass


def _read(number: int, line: bytes) -> LogLine:
    text = line.strip()
    if text.startswith(_PRINTED):
        text = b"{" + text.removesuffix(b",") + b"}"
    start = text.find(b"{")
    if start < 0 or text == b"{":
        return LogLine(number=number, problem=None if _is_text(text) else "not UTF-8")
    try:
        records = tuple(_records(parse_object(text[start:], max_values=None)))
    except NotStrictJson as error:
        return LogLine(number=number, problem=str(error))
    return LogLine(number=number, records=records)


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _records(found: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    if found.get("record") == "audit":
        yield found
        return
    for name in _WRAPPED:
        text = found.get(name)
        if isinstance(text, str) and text.lstrip().startswith("{"):
            yield from _records(parse_object(text.strip().encode(), max_values=None))
    for name in _BATCHES:
        batch = found.get(name)
        for event in batch if isinstance(batch, list) else []:
            if isinstance(event, dict):
                yield from _records(event)

"""The files behind the arguments of a command: files, folders, gzipped or not, and standard input."""

import gzip
import io
import os
import zlib
from collections.abc import Buffer, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import STANDARD_INPUT, input_name, standard_input

_GZIP: Final = b"\x1f\x8b"
"""RFC 1952 section 2.3.1."""

_MOST_PACKED: Final = 2
"""Firehose compresses what CloudWatch Logs has compressed already."""


def files_of(arguments: Iterable[str]) -> Iterator[str]:
    """Yield `arguments`, each folder replaced with all files below it, in the order of their names.

    Raises:
        Unusable: a folder cannot be read, or contains no file.
    """
    for argument in arguments:
        if argument == STANDARD_INPUT or not _is_folder(argument):
            yield argument
            continue
        found = False
        for folder, below, names in os.walk(argument, onerror=_refuse):
            below.sort()
            for name in sorted(names):
                found = True
                path = str(Path(folder, name))
                yield path if path != STANDARD_INPUT else f"./{path}"
        if not found:
            raise Unusable(f"{input_name(argument)}: contains no file")


def _is_folder(argument: str) -> bool:
    try:
        return Path(argument).is_dir()
    except (OSError, ValueError):  # no name of a file; opening it says why
        return False


def _refuse(error: OSError) -> None:
    raise Unusable(f"{input_name(str(error.filename))}: {(error.strerror or 'cannot be read').lower()}") from error


class Damaged(Unusable):
    """A gzip file that is truncated or damaged; the data before the damage is valid."""


PACKED_BADLY: Final = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a gzip file raises that is cut off or damaged."""


def damaged(argument: str, line: int, error: Exception) -> Damaged:
    """Return the error of a file of which `line` lines could be read."""
    return Damaged(f"{input_name(argument)}: after line {line}: not a complete gzip file: {error}")


@contextmanager
def opened(argument: str) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    """Open the file `argument`, or standard input, unpacked if it is gzipped.

    Raises:
        Unusable: it cannot be read, also while it is read.
        Damaged: what is packed in it is cut off or damaged.
    """
    try:
        if argument == STANDARD_INPUT:
            yield _unpacked(io.BufferedReader(_Raw(standard_input())))
            return
        with open(argument, "rb") as file:  # noqa: PTH123 - a name with a null byte is a ValueError here too
            yield _unpacked(file)
    except PACKED_BADLY as error:
        raise damaged(argument, 0, error) from error
    except OSError as error:
        raise Unusable(f"{input_name(argument)}: {(error.strerror or type(error).__name__).lower()}") from error
    except ValueError as error:
        raise Unusable(f"{input_name(argument)}: not a file name") from error


def _unpacked(stream: io.BufferedReader) -> io.BufferedReader | gzip.GzipFile:
    unpacked: io.BufferedReader | gzip.GzipFile = stream
    for _ in range(_MOST_PACKED):
        if not unpacked.peek(len(_GZIP)).startswith(_GZIP):
            break
        unpacked = gzip.GzipFile(fileobj=unpacked)
    return unpacked


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

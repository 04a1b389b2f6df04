"""Standard output that says in a sentence when it cannot be written, and standard error that never fails a command.

`click.echo` writes nothing, and says nothing, where standard output is closed; a full disk is an `OSError` in the
middle of whatever prints, `--help` included. Here both end the program with a message and the status of wrong use.
"""

import io
import sys
from typing import TYPE_CHECKING, Final, TextIO, override

from token_exchange_cli.statuses import Unusable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CANNOT_WRITE: Final = "cannot write to standard output"


def guard_standard_streams() -> None:
    """Replace the process's own standard output and error; the streams of a test stay as they are.

    Raises:
        Unusable: standard output is closed.
    """
    if sys.stderr is not None and sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.__stderr__, _Messages)
    if sys.stdout is None:
        raise Unusable(f"{_CANNOT_WRITE}: it is closed")
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.__stdout__, _Output)


class _Output(io.FileIO):
    """Standard output: the first failure ends the program, and what is left in buffers is dropped."""

    _has_failed = False

    @override
    def write(self, data: "ReadableBuffer", /) -> int:
        if self._has_failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            raise  # the reader has enough, which click ends without a word
        except OSError as error:
            self._has_failed = True
            raise Unusable(f"{_CANNOT_WRITE}: {(error.strerror or type(error).__name__).lower()}") from error


class _Messages(io.FileIO):
    """Standard error: what cannot be written is lost, and the exit status still tells."""

    @override
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError:
            return memoryview(data).nbytes


def _guarded(stream: TextIO, kind: type[io.FileIO]) -> TextIO:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(kind(stream.fileno(), "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty(),
    )

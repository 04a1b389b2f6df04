"""What all commands share: exit statuses, standard streams, and errors reported in one sentence."""

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, override

import click

from token_exchange.loading.fields import closest_match
from token_exchange.reporting.safe_text import tokens_hashed
from token_exchange_cli.safe_text import escape_unprintable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Status(IntEnum):
    """Success; a negative answer; wrong usage or unreadable input; interrupted, as shells have it for Ctrl-C."""

    FINE = 0
    NO = 1
    UNUSABLE = 2
    INTERRUPTED = 130


class Unusable(click.ClickException):
    """Input that cannot be read or used; the message says where and why, one line for each problem."""

    exit_code = Status.UNUSABLE

    @override
    def show(self, file: object = None) -> None:
        click.echo("\n".join(map(escape_unprintable, self.message.split("\n"))), err=True)


class Refusal(Unusable):
    """A negative answer; the message says why, one line for each reason."""

    exit_code = Status.NO


class Interrupted(Unusable):
    """Ctrl-C, or no more input at a question: there is no answer, and so no negative one."""

    exit_code = Status.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted")


_CANNOT_WRITE: Final = "cannot write to standard output"


class _ReaderGone(Unusable):
    """The reader of standard output closed the pipe, as `head` does: nothing to say, and no negative answer."""

    @override
    def show(self, file: object = None) -> None:
        pass


def guard_standard_streams() -> None:
    """Replace the process's own standard output and error; the streams of a test stay as they are.

    Raises:
        Unusable: standard output is closed.
    """
    if sys.stderr is None:
        # Closed: messages are lost. click flushes both streams at the end, and needs a stream for that.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
    elif sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.__stderr__, _Messages)
    if sys.stdout is None:
        raise Unusable(f"{_CANNOT_WRITE}: it is closed")
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.__stdout__, _Output)


class _Output(io.FileIO):
    """Standard output: the first failure ends the program, and the remaining buffers are dropped."""

    _has_failed = False

    @override
    def write(self, data: "ReadableBuffer", /) -> int:
        if self._has_failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._has_failed = True
            if isinstance(error, BrokenPipeError):
                raise _ReaderGone(_CANNOT_WRITE) from error
            raise Unusable(f"{_CANNOT_WRITE}: {(error.strerror or type(error).__name__).lower()}") from error


class _Messages(io.FileIO):
    """Standard error: what cannot be written is lost; the exit status stays correct."""

    @override
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
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


class InternalError(click.ClickException):
    """A defect of this program, with the function and line where it occurred, so that it can be reported."""

    exit_code = Status.UNUSABLE

    def __init__(self, cause: Exception) -> None:
        innermost = traceback.extract_tb(cause.__traceback__)[-1]
        place = f"{type(cause).__name__} in {innermost.name}, line {innermost.lineno}"
        super().__init__(f"unexpected internal error ({place}); please report it")


@contextmanager
def _tokens_hidden() -> Iterator[None]:
    """Replace each token in an error of use, which quotes what was typed, by its hash."""
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if tokens_hashed(message) == message:
            raise
        raise click.UsageError(tokens_hashed(message), ctx=error.ctx) from error


class Program(click.Group):
    """The outermost group."""

    @override
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        # Before anything is printed, by --help or an error of use.
        guard_standard_streams()
        with _tokens_hidden():
            return super().make_context(info_name, args, parent=parent, **extra)

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            name = error.command_name
            groups = [group for group in self.commands.values() if isinstance(group, click.Group)]
            nested = {command: f"{group.name} {command}" for group in groups for command in group.list_commands(ctx)}
            meant = closest_match(name, [*nested, *self.commands])
            if meant in nested:
                message = f"No such command {name!r}. Did you mean '{nested[meant]}'?"
                raise click.exceptions.NoSuchCommand(name, message, ctx=ctx) from error
            raise

    @override
    def invoke(self, ctx: click.Context) -> object:
        try:
            with _tokens_hidden():
                return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            raise Interrupted from error
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:  # the last resort: a defect is one sentence, too, and shows no data
            raise InternalError(error) from error

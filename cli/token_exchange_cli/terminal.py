"""Output for people, by rich, and for programs: one JSON document."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.text import Text

from token_exchange.core.ports import Json
from token_exchange_cli.console import Unusable
from token_exchange_cli.safe_text import escape_non_ascii

STANDARD_OUTPUT: Final = "-"


def print_json(fields: Mapping[str, Json]) -> None:
    """Print `fields` on standard output, in ASCII."""
    click.echo(json_text(fields), nl=False)


def json_text(fields: Mapping[str, Json]) -> str:
    """Return `fields` as one JSON document, in ASCII."""
    return f"{json.dumps(fields, indent=2)}\n"


def write_output(argument: str, text: str) -> None:
    """Write `text` to the file `argument`, or to standard output.

    Raises:
        Unusable: the file cannot be written.
    """
    if argument == STANDARD_OUTPUT:
        click.echo(text, nl=False)
        return
    try:
        with open(argument, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - a name with a null byte is a ValueError here too
            file.write(text)
    except OSError as error:
        raise Unusable(f"{argument!a}: {(error.strerror or type(error).__name__).lower()}") from error
    except ValueError as error:
        raise Unusable(f"{argument!a}: not a file name") from error


def remark(text: str) -> None:
    """Print a remark on standard error, apart from the answer."""
    click.echo(f"remark: {escape_non_ascii(text)}", err=True)


def console() -> Console:
    """Return standard output: in colour only on a terminal, and never with NO_COLOR (https://no-color.org).

    Markup in strings is not interpreted and lines are not wrapped. No value of a token reaches a terminal as a control
    code if it goes through `escape_non_ascii` or `ascii_json`.
    """
    is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return Console(
        file=sys.stdout,
        force_terminal=is_coloured,
        color_system="auto" if is_coloured else None,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )


def line(*parts: str | tuple[str, str], indent: int = 0) -> Text:
    """Return a line of plain parts, and of parts with a style."""
    return Text.assemble(" " * indent, *parts, overflow="ignore", no_wrap=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal, and nowhere else, the latest text that the function is called with, while it is in use."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    with _progress() as shown_progress:
        task = shown_progress.add_task("", total=None)
        yield lambda text: shown_progress.update(task, description=escape_non_ascii(text))


@contextmanager
def waiting(text: str, *, after_seconds: float = 1.0) -> Iterator[None]:
    """Show `text` on a terminal, and nowhere else, from when this takes longer than `after_seconds` to its end."""
    if not sys.stderr.isatty():
        yield
        return
    shown_progress = _progress()
    shown_progress.add_task(escape_non_ascii(text), total=None)
    timer = Timer(after_seconds, shown_progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        shown_progress.stop()


def _progress() -> Progress:
    column = TextColumn("{task.description}", markup=False)
    return Progress(column, console=Console(file=sys.stderr), transient=True)

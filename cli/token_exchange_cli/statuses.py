"""What the program's exit status says."""

from enum import IntEnum
from typing import override

import click


class Status(IntEnum):
    """Fine; the answer is no; wrong use, or input that cannot be read."""

    FINE = 0
    NO = 1
    UNUSABLE = 2


class Unusable(click.ClickException):
    """Input that cannot be read or used; the text says where and why, a line for each thing."""

    exit_code = Status.UNUSABLE

    @override
    def show(self, file: object = None) -> None:
        click.echo("\n".join(map(_shown, self.message.split("\n"))), err=True)


class Refusal(Unusable):
    """The answer is no; the text says why, a line for each reason."""

    exit_code = Status.NO


def _shown(text: str) -> str:
    """Return a line in which nothing of a file can move a terminal's cursor, or turn its text around."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )

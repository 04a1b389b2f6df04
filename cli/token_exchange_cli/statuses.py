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
        click.echo(self.message, err=True)

"""What the program's exit status says."""

from enum import IntEnum
from typing import override

import click

from token_exchange_cli.printable import printable


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
        click.echo("\n".join(map(printable, self.message.split("\n"))), err=True)


class Refusal(Unusable):
    """The answer is no; the text says why, a line for each reason."""

    exit_code = Status.NO

"""`audit seal`: daily digests of audit lines, each chained to the one before."""

import click

from token_exchange.core.ports import Json
from token_exchange_cli.audit.sealing import Sealer
from token_exchange_cli.audit.store import Read, read_lines
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.inputs import input_name
from token_exchange_cli.terminal import STANDARD_OUTPUT, json_text, progress, remark, write_output


@click.command("seal")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default=STANDARD_OUTPUT,
    help="Where to write the seals.  [default: standard output]",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON document instead, which `audit verify` does not read."
)
@click.pass_context
def command(context: click.Context, *, logs: tuple[str, ...], output: str, as_json: bool) -> None:
    """Write a digest of each day of LOGS, chained to the day before.

    `audit verify --seal` compares an archive with the seals, and names each day on which a line was removed, added or
    altered. Keep the last seal in a place to which people with write access to the archive cannot write.

    Exit status: 0 success, 1 a line could not be read and is in no seal, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit seal logs/ -o october.seals
      token-exchange audit verify logs/ --seal october.seals
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    read, sealer = Read(), Sealer()
    with progress() as tell:
        for _ in sealer.seen(read_lines(logs, read, progress=tell)):
            pass
    seals = sealer.seals()
    if not seals:
        raise Unusable(f"{', '.join(map(input_name, logs))}: contains no audit line")
    fields: dict[str, Json] = {"seals": [seal.fields() for seal in seals], "unreadable": read.problems.total()}
    write_output(output, json_text(fields) if as_json else "".join(f"{seal.text()}\n" for seal in seals))
    for what, count in read.problems.most_common():
        remark(f"{count} unreadable: {what} (first at {read.places[what]})")
    context.exit(Status.NO if read.problems else Status.FINE)

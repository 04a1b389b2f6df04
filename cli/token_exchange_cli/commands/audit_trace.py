"""`audit trace`: who is behind an image, a key, a session, a request or a run, and what else they did."""

from typing import Final

import click
from rich.console import Console

from token_exchange.core.ports import Json
from token_exchange_cli.audit.jobs import claims_of
from token_exchange_cli.audit.log import Row, audit_log
from token_exchange_cli.audit.tracing import Trace, Traced, trace
from token_exchange_cli.console import Status
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import console, line, print_json, remark

_MOST_EVENTS: Final = 30
_SOURCE: Final = ("repository", "pipeline", "pipeline_id", "organization", "organization_id")
_REF: Final = ("ref", "branch", "tag")


@click.command("trace")
@click.argument("what", metavar="WHAT")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option("--trail", multiple=True, metavar="FILES", help="CloudTrail's files or folders; can be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(context: click.Context, *, what: str, logs: tuple[str, ...], trail: tuple[str, ...], as_json: bool) -> None:
    """Find the exchange behind WHAT, and what its session did.

    WHAT is an image's digest or [HOST/]REPOSITORY:TAG, an access key id, a session's name, a source identity, a request
    id, a run or job, a commit, the SHA-256 of a token, or a CI repository or actor, for everything that they did.
    To find images, and what a session did, give CloudTrail's files.

    Exit status: 0 found, 1 not found, or pushed by a session without an audit line, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit trace sha256:9f2c… logs/ --trail AWSLogs/
      token-exchange audit trace ci/acme/shop:latest logs/ --trail AWSLogs/
      token-exchange audit trace ASIAZ5JUHML6SIXRKETK audit.jsonl
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    with audit_log() as log:
        found = trace(log, what, logs, trail)
        if as_json:
            print_json({**_fields(found), "read": log.counts()})
        else:
            _print(found, what, has_trail=bool(trail))
        for text in log.remarks():
            remark(text)
    context.exit(Status.FINE if found.is_found else Status.NO)


def _fields(found: Trace) -> dict[str, Json]:
    return {
        "pushes": [*found.pushes],
        "logins": [_traced(one) for one in found.logins],
        "refused": [_traced(one) for one in found.refused],
        "unexplained": [*found.unexplained],
        "left_out": found.left_out,
    }


def _traced(one: Traced) -> Json:
    job: dict[str, Json] = {"job": one.job.address, "look_up": one.job.look_up}
    return {**one.login, "claims": claims_of(one.login), **job, "did": [*one.did]}


def _print(found: Trace, what: str, *, has_trail: bool) -> None:
    output = console()
    for push in found.pushes:
        output.print(line(("pushed", "yellow"), f" {_image(push)} at {push['event_time']}"))
        output.print(line(f"in account {_text(push['account_id'])}, {_text(push['aws_region'])}", indent=2))
        output.print(line(f"by the session {_text(push['caller_id'])}", indent=2))
    for push in found.unexplained:
        output.print(line(("no audit line", "red"), f" has the session {_text(push['caller_id'])}"))
        output.print(line(f"it is {_text(push['caller_arn'])}, from {_text(push['caller_ip'])}", indent=2))
    for one in found.logins:
        _print_login(output, one, has_trail=has_trail)
    for one in found.refused:
        row = one.login
        output.print(line((_text(row["decision"]), "red"), f" {row['logged_at']} request {_text(row['request_id'])}"))
        is_granted = row["decision"] == "granted"
        output.print(line("the line lacks its login" if is_granted else f"reason {_text(row['reason'])}", indent=2))
        _print_who(output, one)
    if not (found.pushes or found.logins or found.refused):
        output.print(line(f"nothing found about {escape_non_ascii(what)}"))
    if found.left_out:
        output.print(line(f"{found.left_out} older ones are not shown"))


def _print_login(output: Console, one: Traced, *, has_trail: bool) -> None:
    row = one.login
    output.print(line(("login", "green"), f" {row['logged_at']} request {_text(row['request_id'])}"))
    _print_who(output, one)
    output.print(line(f"grant {_text(row['grant_name'])}: {_text(row['access'])} {_text(row['registry'])}", indent=2))
    output.print(line(f"session {_text(row['session_name'])}, key {_text(row['access_key_id'])}", indent=2))
    if row["failed_reason"] is not None:
        output.print(line(f"the login failed: {_text(row['failed_reason'])}", indent=2))
    if not has_trail:
        output.print(line("to see what it did, give CloudTrail's files with --trail", indent=2))
        return
    output.print(line(f"{len(one.did):,} events in CloudTrail:", indent=2))
    for event in one.did[:_MOST_EVENTS]:
        failed = "" if event["error_code"] is None else f" ({_text(event['error_code'])})"
        output.print(line(f"{event['event_time']} {_text(event['event_name'])} {_image(event)}{failed}", indent=4))
    if len(one.did) > _MOST_EVENTS:
        output.print(line(f"and {len(one.did) - _MOST_EVENTS:,} more", indent=4))


def _print_who(output: Console, one: Traced) -> None:
    row = one.login
    if row["issuer"] is None:
        output.print(line(f"a token that names the issuer {_text(row['issuer_url'])}", indent=2))
        output.print(line(f"from {_text(row['source_ip'])}", indent=2))
    else:
        # Not every system's tokens have a repository, or a whole ref.
        source, ref = _first(row, *_SOURCE), _first(row, *_REF)
        at = "" if ref is None else f" at {_text(ref)}"
        output.print(line(f"{_text(row['issuer'])} {_text(source)}{at}", indent=2))
        run = f"run {_text(row['run_id'])} by {_text(row['actor'])}"
        output.print(line(f"{run}, from {_text(row['source_ip'])}", indent=2))
    if one.job.address is not None:
        output.print(line(one.job.address, indent=2))
    if one.job.look_up is not None:
        where = "look up" if one.job.address is None else "look up there"
        output.print(line(f"{where}: {_text(one.job.look_up)}", indent=2))


def _first(row: Row, *names: str) -> Json:
    return next((row[name] for name in names if row[name] is not None), None)


def _image(event: Row) -> str:
    digest = event.get("put_digest") or event.get("image_digest")
    tag = "" if event["image_tag"] is None else f":{_text(event['image_tag'])}"
    return f"{_text(event['ecr_repository'])}{tag}" + ("" if digest is None else f" {_text(digest)}")


def _text(value: Json) -> str:
    return "-" if value is None else escape_non_ascii(str(value))

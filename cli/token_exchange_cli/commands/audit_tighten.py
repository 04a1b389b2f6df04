"""`audit tighten`: a narrower policy that grants what was granted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import click

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.loading.problems import PolicyUnusable
from token_exchange_cli.audit.log import audit_log
from token_exchange_cli.audit.store import Read, read_lines
from token_exchange_cli.audit.tighten.edits import changed_text, diff_text
from token_exchange_cli.audit.tighten.proof import Proof, prove, unwanted
from token_exchange_cli.audit.tighten.proposals import Proposal, proposal_queries, proposals
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.inputs import STANDARD_INPUT, PolicyInput, read_policy
from token_exchange_cli.safe_text import in_reading_order
from token_exchange_cli.terminal import print_json, progress, remark

_NAMES: Final = ("request_id", "run_id", "job_id", "repository", "repository_id", "organization", "actor", "ref")


@click.command("tighten")
@click.argument("policy_file", metavar="POLICY")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option(
    "--trail",
    multiple=True,
    metavar="FILES",
    help="CloudTrail's files: also propose shorter durations, and pull instead of push.",
)
@click.option(
    "--without",
    "without",
    multiple=True,
    metavar="VALUE",
    help="A request, run, repository or actor to refuse; can be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context,
    *,
    policy_file: str,
    logs: tuple[str, ...],
    trail: tuple[str, ...],
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print a diff that makes POLICY narrower, and still grants every exchange of LOGS that was granted.

    The change adds conditions that all callers of a grant met. Every logged exchange is decided again by the changed
    policy; a change that would refuse one is dropped. Remarks say what the log cannot show.

    Exit status: 0 success, also without a change; 1 nothing of --without is refused; 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit tighten policy.yaml logs/
      token-exchange audit tighten policy.yaml logs/ --without acme/intern-playground > narrower.diff
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if STANDARD_INPUT in logs:
        raise click.UsageError("the log is read more than once; give files instead of standard input")
    given = read_policy(policy_file)
    before = given.usable()
    with audit_log(*proposal_queries(), " ".join(_NAMES)) as log:
        log.load_lines(logs)
        if trail:
            log.load_trail(trail)
        for table in ("audit", "logins"):
            condition = " OR ".join(f"{name} IN (SELECT unnest($values))" for name in _NAMES)
            log.connection.execute(f"DELETE FROM {table} WHERE {condition}", {"values": list(without)})  # noqa: S608 - our own names
        found = proposals(before, log, has_trail=bool(trail))
        remarks = log.remarks()
    tightened = _proven(given, before, found.changes, logs, without)
    if as_json:
        print_json(_fields(tightened, found.unknown))
    else:
        click.echo(tightened.diff, nl=False)
        for text in (*remarks, *found.unknown):
            remark(text)
        _print_proof(tightened)
    is_kept = bool(without) and not tightened.proof.refused
    context.exit(Status.NO if is_kept else Status.FINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tightened:
    diff: str
    changes: Sequence[Proposal]
    dropped: Sequence[str]
    proof: Proof


def _proven(
    given: PolicyInput, before: Policy, changes: Sequence[Proposal], logs: Sequence[str], without: Sequence[str]
) -> _Tightened:
    """Return the changes that refuse no exchange except those to refuse, as a diff of each file that they change."""
    old = {name: content.decode("utf-8") for name, content in given.texts().items()}
    dropped: list[str] = []
    # This ends: a grant whose change is dropped loses nothing any more.
    while True:
        new = {name: changed_text(text, changes) for name, text in old.items()}
        after = _changed(given, new)
        with progress() as tell:
            texts = read_lines(logs, Read(), progress=tell)
            proof = prove(before, after, texts, is_unwanted=unwanted(without))
        if not proof.broken:
            diff = "".join(diff_text(old[name], new[name], name=name) for name in old)
            return _Tightened(diff=diff, changes=changes, dropped=dropped, proof=proof)
        dropped += sorted(proof.grants, key=in_reading_order)
        changes = [change for change in changes if change.grant not in proof.grants]


def _changed(given: PolicyInput, texts: Mapping[str, str]) -> Policy:
    main, files = given.document.name, given.document.grant_files
    document = replace(
        given.document,
        content=texts[main].encode(),
        grant_files=None if files is None else {name: texts[name].encode() for name in files},
    )
    try:
        return replace(given, document=document).load()
    except PolicyUnusable as error:
        raise Unusable(f"{given.name}: the changed policy does not load: {error.problems[0]}") from error


def _print_proof(tightened: _Tightened) -> None:
    tally, proof = tightened.proof.tally, tightened.proof
    for name in tightened.dropped:
        remark(f"{name}: the change was dropped, because it would refuse what was granted")
    for cause, count in tally.undecidable.most_common():
        remark(f"undecidable {count}: {cause}")
    if proof.already:
        remark(f"{proof.already} exchanges were granted by another policy, and this one refuses them even unchanged")
    refused = f"; refused now: {', '.join(proof.refused)}" if proof.refused else ""
    other = "other " if proof.already else ""
    remark(f"{tally.looked_at} exchanges decided again, every {other}granted one is still granted{refused}")


def _fields(tightened: _Tightened, unknown: Sequence[str]) -> dict[str, Json]:
    return {
        "changes": [{"grant": change.grant, "what": [*change.texts()]} for change in tightened.changes],
        "dropped": [*tightened.dropped],
        "unknown": [*unknown],
        "looked_at": tightened.proof.tally.looked_at,
        "undecidable": dict(tightened.proof.tally.undecidable),
        "refused": [*tightened.proof.refused],
        "narrowed": tightened.proof.narrowed,
        "refused_already": tightened.proof.already,
        "diff": tightened.diff,
    }

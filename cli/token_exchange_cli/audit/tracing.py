"""From an image, a key, a session, a request or a run to the exchange behind it, and to everything its session did."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.audit.jobs import job_of
from token_exchange_cli.audit.log import AuditLog, Row
from token_exchange_cli.console import Unusable
from token_exchange_cli.systems.job import Job

_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_IMAGE: Final = re.compile(
    r"(?:(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z.]+/|(?P<public>public\.ecr\.aws/)[a-z0-9-]+/)?"
    rf"(?P<repository>[a-z0-9._/-]+)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?"
)
"""An image as docker and Kubernetes name it; its repository may be all that there is."""

_MOST_PUSHES: Final = 50
_MOST_SESSIONS: Final = 100
_SESSION: Final = ("caller_id", "caller_key_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One login, where its job is, and what its session did; without a login, a line that refused one."""

    login: Row
    job: Job
    did: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What was found: pushes of the image, logins, lines without a login, and pushes without a line.

    `left_out` counts pushes and logins beyond the newest ones.
    """

    pushes: Sequence[Row]
    logins: Sequence[Traced]
    refused: Sequence[Traced]
    unexplained: Sequence[Row]
    left_out: int

    @property
    def is_found(self) -> bool:
        """Whether something was found, and every push has an audit line."""
        return bool(self.logins or self.refused) and not self.unexplained


def trace(log: AuditLog, what: str, logs: Sequence[str], files: Sequence[str]) -> Trace:
    """Load everything about `what` from the `logs` and CloudTrail's `files`, and return it.

    Raises:
        Unusable: an image is asked about without files of CloudTrail, or a file cannot be read.
    """
    if files:
        log.load_trail(files)
    image = _image(what)
    if image is None:
        return _of_values(log, logs, [what])
    if not files:
        raise Unusable("to find an image, give CloudTrail's files with --trail")
    pushes = log.ask("pushes", **image)
    newest = pushes[:_MOST_PUSHES]
    # By its key too: a shortened line may lack the session's id, but never the key's.
    wanted = [str(push[name]) for push in newest for name in _SESSION if push[name] is not None]
    found = _of_values(log, logs, list(dict.fromkeys(wanted))) if wanted else _nothing()
    explained = {one.login[name] for one in found.logins for name in ("assumed_role_id", "access_key_id")} - {None}
    return Trace(
        pushes=newest,
        logins=found.logins,
        refused=(),
        unexplained=[push for push in newest if explained.isdisjoint(push[name] for name in _SESSION)],
        left_out=found.left_out + len(pushes) - len(newest),
    )


def _image(what: str) -> dict[str, Json] | None:
    """Return the values for the query of pushes, if `what` is a digest, or a repository with a tag or a digest."""
    place: dict[str, Json] = {"account": None, "region": None, "source": None}
    if re.fullmatch(_DIGEST, what):
        return {**place, "digest": what, "repository": None, "tag": None}
    found = _IMAGE.fullmatch(what)
    if found is None or (found["tag"] is None and found["digest"] is None):
        return None
    if found["account"] is not None:
        place = {"account": found["account"], "region": found["region"], "source": "ecr.amazonaws.com"}
    elif found["public"] is not None:
        place["source"] = "ecr-public.amazonaws.com"
    if found["digest"] is not None:
        # Its content is what runs; its tag may have been moved since.
        return {**place, "digest": found["digest"], "repository": None, "tag": None}
    return {**place, "digest": None, "repository": found["repository"], "tag": found["tag"]}


def _nothing() -> Trace:
    return Trace(pushes=(), logins=(), refused=(), unexplained=(), left_out=0)


def _of_values(log: AuditLog, logs: Sequence[str], values: Sequence[str]) -> Trace:
    # Only lines with one of these words are loaded; a line has them as JSON spells them.
    log.load_lines(logs, needles=[json.dumps(value)[1:-1].encode() for value in values])
    logins = _each_once(row for value in values for row in log.ask("sessions", value=value))
    refused = _each_once(row for value in values for row in log.ask("refused", value=value))
    newest = logins[-_MOST_SESSIONS:]
    return Trace(
        pushes=(),
        logins=[Traced(login=row, job=job_of(row), did=_done(log, row)) for row in newest],
        refused=[Traced(login=row, job=job_of(row), did=()) for row in refused[-_MOST_SESSIONS:]],
        unexplained=(),
        left_out=len(logins) - len(newest) + max(0, len(refused) - _MOST_SESSIONS),
    )


def _each_once(rows: Iterable[Row]) -> list[Row]:
    return list({json.dumps(row): row for row in rows}.values())


def _done(log: AuditLog, row: Row) -> list[Row]:
    ids: dict[str, Json] = {name: row[name] for name in ("assumed_role_id", "access_key_id")}
    return log.ask("done_by_session", **ids) if any(ids.values()) else []

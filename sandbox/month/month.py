"""The month itself, the same for the same seed: its lines in order, its events, and what is wrong in it."""

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Final

from sandbox.month.company import APPS_ACCOUNT, KINDS, LEAK, MOST_TEAMS, REGION, Kind, policy, policy_bytes
from sandbox.month.lines import Line, LineMaker, Session
from sandbox.month.trail import EventMaker
from token_exchange.core.ports import Json

BEGINS: Final = datetime(2026, 10, 1, tzinfo=UTC).timestamp()
DAYS: Final = 30
LEAKED_TAG: Final = "v9"
_MOMENTS_A_FILE: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What is to be found: the leak, the line that was lost, and the session that the broker's role was used for.

    `leaked` is the request of the leak, `digest` the image that it pushed. `lost` is the STS request of a login without
    its line, `foreign` that of a session that was made with the broker's role by someone else, and `unwitnessed` the
    request of a line without an event.
    """

    leaked: str
    digest: str
    lost: str
    foreign: str
    unwitnessed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One exchange: its line, None where it was lost, and its events."""

    at: float
    line: Line | None
    events: tuple[dict[str, Json], ...]


class Month:
    """A month of `exchanges` runs of up to 500 teams."""

    def __init__(self, *, exchanges: int, seed: int = 1, teams: int = MOST_TEAMS) -> None:
        self.policy = policy()
        self.exchanges = exchanges
        self._chance = random.Random(seed)
        self._teams = teams
        self._lines = LineMaker(self.policy, self._chance)
        self._events = EventMaker(self._chance)
        self.digest = f"sha256:{self._chance.getrandbits(256):064x}"
        self.planted: Planted | None = None

    def moments(self) -> Iterator[Moment]:
        """Yield the month in order; `planted` is set at its end."""
        kinds, shares = KINDS, [kind.share for kind in KINDS]
        step = DAYS * 86_400 / self.exchanges
        leak, lost, foreign, unwitnessed = (int(self.exchanges * part) for part in (0.62, 0.41, 0.73, 0.55))
        found: dict[str, str] = {}
        for number in range(self.exchanges):
            at = BEGINS + (number + self._chance.random()) * step
            if number == leak:
                moment = self._moment(LEAK, LEAK.teams[0], at)
                found["leaked"] = _line(moment).request_id
            elif number in (lost, foreign, unwitnessed):
                moment = self._moment(KINDS[0], number % self._teams, at)
                session = _session(moment)
                if number == lost:
                    found["lost"] = session.sts_request_id
                    moment = replace(moment, line=None)
                elif number == foreign:
                    found["foreign"] = session.sts_request_id
                    outsider = replace(session, session_name="maintenance", source_identity="")
                    event = self._events.assumed(outsider, caller_ip="198.51.100.99")
                    moment = replace(moment, line=None, events=(event,))
                else:
                    found["unwitnessed"] = _line(moment).request_id
                    moment = replace(moment, events=())
            else:
                (kind,) = self._chance.choices(kinds, shares)
                moment = self._moment(kind, self._team(kind), at)
            yield moment
        self.planted = Planted(digest=self.digest, **found)

    def _team(self, kind: Kind) -> int:
        # A few teams do most of the work.
        among = [team for team in kind.teams if team < self._teams] or [kind.teams[0]]
        return among[int(len(among) * self._chance.random() ** 2)]

    def _moment(self, kind: Kind, team: int, at: float) -> Moment:
        line = self._lines.line(kind, team, at)
        return Moment(at=at, line=line, events=() if line.session is None else self._done(kind, team, line.session))

    def _done(self, kind: Kind, team: int, session: Session) -> tuple[dict[str, Json], ...]:
        events = [self._events.assumed(session)]
        if kind is LEAK:
            events.append(self._events.batch_get_image(session, "shared/tools", "v8", after=9))
            events.append(self._events.put_image(session, "shared/tools", LEAKED_TAG, self.digest, after=42))
        elif kind.pushed is not None:
            digest = f"sha256:{self._chance.getrandbits(256):064x}"
            repository = kind.pushed.replace("…", f"{team:03}")
            events.append(self._events.put_image(session, repository, "latest", digest, after=30))
        elif kind.pulls:
            events.append(self._events.batch_get_image(session, "base/python", "3.13", after=3))
        return tuple(events)


def _line(moment: Moment) -> Line:
    if moment.line is None:
        raise AssertionError("what is planted has its line first")
    return moment.line


def _session(moment: Moment) -> Session:
    session = _line(moment).session
    if session is None:
        raise AssertionError("what is planted is a login")
    return session


def write_month(folder: Path, month: Month, *, plain: bool = False) -> Planted:
    """Write `policy.json`, the log as CloudWatch exports it to S3, and the files of CloudTrail; return what to find.

    With `plain`, the log is one file of lines, `audit.jsonl`.
    """
    (folder / "policy.json").write_bytes(policy_bytes())
    if plain:
        _write_plain(folder, month)
    else:
        _write_exported(folder, month)
    if month.planted is None:
        raise AssertionError("the month has ended")
    return month.planted


def _write_plain(folder: Path, month: Month) -> None:
    with (folder / "audit.jsonl").open("w", encoding="ascii") as log:
        for number, moments in enumerate(batched(month.moments(), _MOMENTS_A_FILE)):
            log.writelines(f"{moment.line.text}\n" for moment in moments if moment.line is not None)
            day = int((moments[0].at - BEGINS) // 86_400)
            _write_trail(folder, day, number, [event for moment in moments for event in moment.events])


def _write_exported(folder: Path, month: Month) -> None:
    log = folder / "logs" / "exportedlogs" / "2026-10-01-exchange"
    log.mkdir(parents=True)
    lines: list[str] = []
    events: list[dict[str, Json]] = []
    day = 0
    for moment in month.moments():
        if int((moment.at - BEGINS) // 86_400) != day:
            _write_day(folder, log, day, lines, events)
            lines, events, day = [], [], day + 1
        stamp = datetime.fromtimestamp(moment.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if moment.line is not None:
            lines += (
                f"{stamp} START RequestId: {moment.line.request_id} Version: $LATEST\n",
                f"{stamp} {moment.line.text}\n",
                f'{stamp} {{"_aws":{{"Timestamp":{int(moment.at * 1000)}}},"deployment":"token-exchange"}}\n',
                f"{stamp} END RequestId: {moment.line.request_id}\n",
            )
        events += moment.events
    _write_day(folder, log, day, lines, events)


def _write_day(folder: Path, log: Path, day: int, lines: list[str], events: list[dict[str, Json]]) -> None:
    date = datetime.fromtimestamp(BEGINS + day * 86_400, UTC)
    stream = log / f"{date:%Y-%m-%d}-[$LATEST]{day:032x}"
    stream.mkdir()
    _write_packed(stream / "000000.gz", "".join(lines).encode())
    _write_trail(folder, day, day, events)


def _write_trail(folder: Path, day: int, number: int, events: list[dict[str, Json]]) -> None:
    date = datetime.fromtimestamp(BEGINS + day * 86_400, UTC)
    trail = folder / "trail" / "AWSLogs" / APPS_ACCOUNT / "CloudTrail" / REGION / f"{date:%Y/%m/%d}"
    trail.mkdir(parents=True, exist_ok=True)
    name = f"{APPS_ACCOUNT}_CloudTrail_{REGION}_{date:%Y%m%dT%H%MZ}_{number:016x}.json.gz"
    _write_packed(trail / name, json.dumps({"Records": events}, separators=(",", ":")).encode())


def _write_packed(path: Path, content: bytes) -> None:
    # No time of now in it: the same month is the same bytes.
    path.write_bytes(gzip.compress(content, compresslevel=1, mtime=0))

"""Questions about a long log, against reading the same file with Python's json."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from bench.figures import Figure, Part
from sandbox.month.month import Month, write_month

_MILLION: Final = 1_000_000
_KILOBYTES_A_MEGABYTE: Final = 1024
_READ: Final = "import json, sys\nfor line in open(sys.argv[1], 'rb'): json.loads(line)"
_DIFFERENT: Final = "policy diff, no two exchanges alike"
_MOST_DIFFERENT: Final = 50_000
_MISSING: Final = 1
"""The exit status of `audit reconcile`: the month has a lost line."""
_LIMIT_SECONDS: Final = {"report": 60.0, "trace": 20.0, "unused": 30.0, "policy diff": 20.0}
"""A million lines of the generated month, on two separate processors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What one run took: wall clock and processor time in seconds, and its peak of memory in megabytes."""

    wall: float
    processor: float
    peak: float


def measure(folder: Path, *, exchanges: int, teams: int) -> Part:
    """Return what each question costs for a log of so many exchanges."""
    month = Month(exchanges=exchanges, teams=teams)
    planted = write_month(folder, month, plain=True)
    log, policy = str(folder / "audit.jsonl"), str(folder / "policy.json")
    changed = folder / "changed.json"
    changed.write_text((folder / "policy.json").read_text().replace('"workflow": "tools"', '"workflow": "tool"'))
    program = [str(Path(sys.executable).with_name("token-exchange"))]
    base = _cost([sys.executable, "-c", _READ, log])
    costs = {
        "report": _cost([*program, "audit", "report", log, "-o", str(folder / "report.html")]),
        "trace": _cost([*program, "audit", "trace", planted.leaked, log]),
        "unused": _cost([*program, "audit", "unused", policy, log]),
        "verify": _cost([*program, "audit", "verify", log]),
        "reconcile": _cost([*program, "audit", "reconcile", log, "--trail", str(folder / "trail")], status=_MISSING),
        "policy diff": _cost([*program, "policy", "diff", policy, str(changed), "--audit", log]),
    }
    different = min(exchanges, _MOST_DIFFERENT)
    told_apart = str(_all_different(folder, different))
    cost_of_different = _cost([*program, "policy", "diff", policy, str(changed), "--audit", told_apart])
    megabytes = (folder / "audit.jsonl").stat().st_size / 1e6
    return Part(
        title="Questions about a log",
        method=(
            f"A generated month of {teams} teams, {exchanges:,} lines and {megabytes:,.0f} MB. Each process runs once, "
            "one after the other, and its start is included. Reading is Python's `json.loads` of each line. Seconds "
            "for a million lines are computed from these times. `policy diff` decides exchanges that differ only in "
            f"what no rule reads, as most of the month's do, only once; so it is also measured with {different:,} "
            "lines of as many people. `reconcile` also reads the month's events of CloudTrail, gzipped."
        ),
        figures=(
            *(_ratio(name, cost, base) for name, cost in costs.items()),
            *(_seconds(name, cost, exchanges) for name, cost in {**costs, "reading with json": base}.items()),
            _seconds(_DIFFERENT, cost_of_different, different),
            *(Figure(name=f"{name}, peak of memory", value=cost.peak, unit="MB") for name, cost in costs.items()),
        ),
    )


def _all_different(folder: Path, count: int) -> Path:
    """Return the file of the first `count` lines, each of another person."""
    path = folder / "different.jsonl"
    with (folder / "audit.jsonl").open("rb") as log, path.open("wb") as written:
        for number, line in enumerate(islice(log, count)):
            written.write(line.replace(b'"dev', b'"%d-dev' % number))
    return path


def _ratio(name: str, cost: _Cost, base: _Cost) -> Figure:
    # By processor time: another program's load makes both slower alike.
    return Figure(
        name=f"{name} / reading with json, processor time", value=cost.processor / base.processor, unit="times"
    )


def _seconds(name: str, cost: _Cost, exchanges: int) -> Figure:
    limit = _LIMIT_SECONDS.get(name)
    value = cost.wall * _MILLION / exchanges
    return Figure(name=f"{name}, a million lines, wall clock", value=value, unit="s", aim=limit, limit=limit)


def _cost(command: Sequence[str], *, status: int = 0) -> _Cost:
    began = time.perf_counter()
    actions = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]
    process = os.posix_spawn(command[0], [*command], os.environ, file_actions=actions)
    _, ended, used = os.wait4(process, 0)
    wall = time.perf_counter() - began
    assert os.waitstatus_to_exitcode(ended) == status, command
    return _Cost(wall=wall, processor=used.ru_utime + used.ru_stime, peak=used.ru_maxrss / _KILOBYTES_A_MEGABYTE)

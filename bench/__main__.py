"""`python -m bench`: every figure, shown and written into docs/performance.md. `--quick` only checks rough ones."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    audit,
    cold_start,
    cost,
    decision,
    exchange,
    flood,
    hostile_input,
    instant,
    keys,
    large_policies,
    memory,
    parts,
    pipeline_step,
    report,
    scaling,
    start,
    under_load,
    verification,
)
from bench.figures import Part

_PLOT_PYTHON = report.PAGE.parents[1] / ".tools" / "bench" / "bin" / "python"

_NOTE = (
    "Times apply only to this machine, and vary with its other load. "
    "The samples of one comparison are interleaved, so that other load affects both sides equally: on a quiet machine "
    "the ratios are reproducible to about a twentieth, on a busy one to about a tenth."
)


def main() -> int:
    """Measure all figures, print them, and write the page and its picture."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="take few samples, write nothing, and fail if a figure is missing"
    )
    parser.add_argument("--exchanges", type=int, help="number of exchanges for the growth of memory")
    parser.add_argument("--hostile-input", action="store_true", help="measure only the cost of hostile input")
    parser.add_argument(
        "--audit", type=int, metavar="LINES", help="measure only questions about a log of this many lines"
    )
    asked = parser.parse_args()
    quick: bool = asked.quick
    exchanges: int = asked.exchanges or (100 if quick else 5000)
    if asked.hostile_input:
        return _only_hostile_input(quick=quick)
    if asked.audit:
        with tempfile.TemporaryDirectory() as folder:
            print(report.section(audit.measure(Path(folder), exchanges=asked.audit, teams=500)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = _parts(Path(folder), quick=quick, exchanges=exchanges)
    fresh = report.block(found, run=_run())
    print(fresh)
    if quick:
        problems = report.problems(report.PAGE, found)
        if scaling.tables() not in scaling.PAGE.read_text():
            problems.append(f"{scaling.PAGE.name} is of another simulation: run `python -m bench.scaling`")
        print("".join(f"{problem}\n" for problem in problems), end="", file=sys.stderr)
        return 1 if problems else 0
    report.rewrite(report.PAGE, fresh)
    _draw()
    print(f"\nwritten into {report.PAGE.name}, and drawn")
    scaling.main()
    cost.main()
    for figure in (figure for part in found for figure in part.figures):
        if figure.limit is not None and figure.value > figure.limit:
            print(f"above its limit: {figure.name}", file=sys.stderr)
    return 0


def _draw() -> None:
    subprocess.run([_PLOT_PYTHON, "-m", "bench.plot"], cwd=report.PAGE.parents[1], check=True)


def _only_hostile_input(*, quick: bool) -> int:
    with tempfile.TemporaryDirectory() as folder:
        part = _hostile_input(Path(folder), quick=quick)
    print(report.section(part))
    if not quick:
        report.rewrite_section(report.PAGE, part)
        _draw()
        print(f"\nwritten into {report.PAGE.name}, and drawn")
    return 0


def _hostile_input(folder: Path, *, quick: bool) -> Part:
    return hostile_input.measure(folder, rounds=2 if quick else 100, candidates=5 if quick else 200)


def _parts(folder: Path, *, quick: bool, exchanges: int) -> list[Part]:
    # What other processes do comes first: later this one is large, and the peak of what it starts is never less.
    sizes = (10, 100, 1000) if quick else (10, 1000, 10_000, 100_000)
    of_processes = [
        pipeline_step.measure(folder, rounds=1 if quick else 20),
        *exchange.measure(folder, rounds=3 if quick else 400, warm_up=2 if quick else 20),
        *instant.measure(folder, rounds=3 if quick else 300),
        *start.measure(folder, rounds=1 if quick else 25),
        cold_start.measure(folder, rounds=1 if quick else 15),
    ]
    questions = audit.measure(folder, exchanges=500 if quick else 1_000_000, teams=10 if quick else 500)
    return [
        *of_processes,
        decision.measure(rounds=3 if quick else 100, sizes=sizes, many=1000 if quick else 10_000),
        large_policies.measure(
            folder,
            rounds=1 if quick else 15,
            grants=1000 if quick else 50_000,
            changed=1000 if quick else 10_000,
        ),
        verification.measure(folder, rounds=3 if quick else 200),
        keys.measure(folder, rounds=3 if quick else 200),
        parts.measure(folder, rounds=3 if quick else 200),
        _hostile_input(folder, quick=quick),
        flood.measure(folder, tokens=600 if quick else 100_000, honest_jobs=20 if quick else 1000),
        under_load.measure(
            folder,
            under_load.Crowd(jobs=8, environments=2, limit_seconds=30, rounds=1)
            if quick
            else under_load.Crowd(jobs=1000, environments=8, limit_seconds=120, rounds=2),
        ),
        memory.measure(folder, exchanges=exchanges),
        questions,
    ]


def _run() -> str:
    now = datetime.now(UTC)
    return (
        f"Run on {platform.node()} ({_processor()}, {os.cpu_count()} processors, {platform.system()}), "
        f"Python {platform.python_version()}, {now:%Y-%m-%d %H:%M} UTC.\n{_NOTE}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    sys.exit(main())

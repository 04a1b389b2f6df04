"""`python -m sandbox load`: many jobs at once over HTTP on loopback, limited in number and time."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.backends import Backends
from sandbox.load.checks import failures_of
from sandbox.load.environments import Environments
from sandbox.load.jobs import make_jobs
from sandbox.load.report import Figures, show
from sandbox.load.run import plan_aws_faults, run
from sandbox.service import ServiceFailed
from sandbox.terminal import Terminal

MAX_GROWTH: Final = 1.25
"""A warm environment that grows by more than this leaks memory."""

_MAX_SHOWN: Final = 10


def main(arguments: Sequence[str]) -> int:
    """Return 0 if every job got its own login or refusal and memory did not grow, else 1."""
    asked = _parser().parse_args(arguments)
    try:
        figures, failures = measure(
            jobs=asked.jobs,
            at_once=asked.at_once,
            environments=asked.environments,
            bad_percent=asked.bad_percent,
            limit_seconds=asked.seconds,
            seed=asked.seed,
        )
    except ServiceFailed as error:
        print(error, file=sys.stderr)
        return 1
    terminal = Terminal()
    show(figures, terminal)
    if figures.growth is not None and figures.growth > MAX_GROWTH:
        failures.append(f"memory grew {figures.growth:.2f} times, expected at most {MAX_GROWTH}")
    for failure in failures[:_MAX_SHOWN]:
        print(f"  failed: {failure}", file=sys.stderr)
    if failures:
        print(f"load: {len(failures)} checks failed", file=sys.stderr)
        return 1
    terminal.passed(f"each of {len(figures.outcomes)} jobs got its own login or refusal, and none got another's")
    return 0


def measure(
    *, jobs: int, at_once: int, environments: int, bad_percent: int, limit_seconds: float, seed: int
) -> tuple[Figures, list[str]]:
    """Run the jobs against new backends; return the figures, and a message for each failed check."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="load-") as name, Backends(Path(name)) as backends:
        with (
            (Path(name) / "service.log").open("wb") as log,
            Environments(backends.environment(), count=environments, log=log) as running,
        ):
            warm_up = make_jobs(backends, count=max(jobs // 5, environments), bad_percent=0, chance=chance)
            run(warm_up, running, at_once=environments, limit_seconds=limit_seconds)
            before = running.memory_megabytes()
            crowd = make_jobs(backends, count=jobs, bad_percent=bad_percent, chance=chance)
            plan_aws_faults(backends.aws, calls=jobs)
            started = time.monotonic()
            outcomes = run(crowd, running, at_once=at_once, limit_seconds=limit_seconds)
            figures = Figures(
                outcomes=outcomes,
                seconds=time.monotonic() - started,
                environments=environments,
                memory_before_megabytes=before,
                memory_after_megabytes=running.memory_megabytes(),
            )
        return figures, failures_of(outcomes, backends.aws)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox load", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="number of jobs (%(default)s)")
    parser.add_argument("--at-once", type=int, default=1000, help="jobs running at the same time (%(default)s)")
    parser.add_argument("--environments", type=int, default=8, help="handler processes (%(default)s)")
    parser.add_argument("--bad-percent", type=int, default=5, help="percentage of bad tokens (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=120, help="time limit after which no job sends a request (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed for the jobs and their order (%(default)s)")
    return parser

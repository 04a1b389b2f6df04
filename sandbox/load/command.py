"""`python -m sandbox load`: a matrix of jobs at once, by HTTP on loopback, bounded in count and time."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.load.environments import Environments
from sandbox.load.jobs import make_jobs
from sandbox.load.report import Figures, show
from sandbox.load.run import let_aws_be_slow_and_throttle, run
from sandbox.load.verdict import faults_of
from sandbox.service import ServiceFailed
from sandbox.terminal import Terminal
from sandbox.world import World

MOST_GROWTH: Final = 1.25
"""A warm environment that becomes so much larger keeps something of each request."""

_MOST_SHOWN: Final = 10


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every job got what is his, and memory did not grow; 1 otherwise."""
    asked = _parser().parse_args(arguments)
    try:
        figures, faults = measure(
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
    if figures.growth is not None and figures.growth > MOST_GROWTH:
        faults.append(f"memory grew {figures.growth:.2f} times, expected at most {MOST_GROWTH}")
    for fault in faults[:_MOST_SHOWN]:
        print(f"  wrong: {fault}", file=sys.stderr)
    if faults:
        print(f"load: {len(faults)} things are not as they should be", file=sys.stderr)
        return 1
    terminal.passed(
        f"each of {len(figures.outcomes)} jobs got its own login or its own reason, and nobody got another's"
    )
    return 0


def measure(
    *, jobs: int, at_once: int, environments: int, bad_percent: int, limit_seconds: float, seed: int
) -> tuple[Figures, list[str]]:
    """Run it in a world of its own; return the figures, and what is not as it should be."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="load-") as name, World(Path(name)) as world:
        with (
            (Path(name) / "service.log").open("wb") as log,
            Environments(world.environment(), count=environments, log=log) as running,
        ):
            warm_up = make_jobs(world, count=max(jobs // 5, environments), bad_percent=0, chance=chance)
            run(warm_up, running, at_once=environments, limit_seconds=limit_seconds)
            before = running.memory_megabytes()
            crowd = make_jobs(world, count=jobs, bad_percent=bad_percent, chance=chance)
            let_aws_be_slow_and_throttle(world.aws, calls=jobs)
            started = time.monotonic()
            outcomes = run(crowd, running, at_once=at_once, limit_seconds=limit_seconds)
            figures = Figures(
                outcomes=outcomes,
                seconds=time.monotonic() - started,
                environments=environments,
                memory_before_megabytes=before,
                memory_after_megabytes=running.memory_megabytes(),
            )
        return figures, faults_of(outcomes, world.aws)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox load", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="how many there are (%(default)s)")
    parser.add_argument("--at-once", type=int, default=1000, help="how many of them at any moment (%(default)s)")
    parser.add_argument("--environments", type=int, default=8, help="processes with the handler (%(default)s)")
    parser.add_argument("--bad-percent", type=int, default=5, help="of the tokens (%(default)s)")
    parser.add_argument("--seconds", type=float, default=120, help="after which no job asks any more (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the jobs and their order (%(default)s)")
    return parser

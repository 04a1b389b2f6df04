"""Processes that are measured: the cost of a command, and workers that measure themselves and answer with JSON."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

type Job = dict[str, Any]
"""What a worker is to do, as parsed JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One run's cost. Processor time is user's and system's together, getrusage(2)."""

    wall_seconds: float
    processor_seconds: float


def run_timed(command: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None) -> Spent:
    """Run `command` with exactly this environment, discard its output, and raise if it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=dict(environment), cwd=folder, stdout=subprocess.DEVNULL, check=True)
    wall_seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(
        wall_seconds=wall_seconds,
        processor_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def ask_worker(module: str, job: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what `answer_job` answered to `job` in a new process that runs `module` in this environment."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=f"{json.dumps(job)}\n",
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def answer_job(work: Callable[[Job], object]) -> None:
    """Read a job from standard input, do the work, and print its result; what it prints meanwhile is discarded."""
    answers = sys.stdout
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no path but a device
        result = work(json.loads(sys.stdin.readline()))
    print(json.dumps(result), file=answers, flush=True)

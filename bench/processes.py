"""The cost of a process: its wall clock time, and the processor time of it and its children."""

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


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

"""The process that is flooded: a job is on its input, and what it cost and held on its output."""

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from bench.memory_worker import resident
from bench.processes import Job, answer_job
from bench.request import request_of

PARTS = 10
"""The flood comes in so many parts, each followed by honest jobs, so that noise falls on both."""


def flood(job: Job) -> dict[str, float]:
    """Answer bad tokens and honest ones in turns; return the processor time of each and the memory."""
    honest = request_of(job["honest"], HTTPStatus.OK)
    bad = [request_of(token, HTTPStatus(status)) for token, status in job["bad"]]
    honest()
    # Each kind once, and memory as it is after: what a new environment allocates once is not the flood's.
    _seconds(bad, len(bad))
    before = resident()
    flooded, served = 0.0, 0.0
    for _ in range(PARTS):
        flooded += _seconds(bad, job["tokens"] // PARTS)
        served += _seconds([honest], job["honest_jobs"] // PARTS)
    after = resident()
    return {"flood": flooded / job["tokens"], "honest": served / job["honest_jobs"], "before": before, "after": after}


def _seconds(requests: Sequence[Callable[[], None]], times: int) -> float:
    """Return the processor time of so many requests, the given ones in turn; each has to be answered as it should."""
    started = time.process_time()
    for number in range(times):
        requests[number % len(requests)]()
    return time.process_time() - started


if __name__ == "__main__":
    answer_job(flood)

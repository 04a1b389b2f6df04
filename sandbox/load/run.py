"""All jobs at once: each asks, and comes again when it is told to."""

import http.client
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from sandbox.aws.server import Aws, AwsFault
from sandbox.load.environments import Environments, Reply
from sandbox.load.jobs import Job

_TRIES: Final = 5
_COME_AGAIN: Final = frozenset({429, 503})
_AWS_OPERATIONS: Final = ("sts:AssumeRole", "ecr:GetAuthorizationToken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job got in the end, None without an answer, and `again`, why it was told to come again before."""

    job: Job
    reply: Reply | None
    again: tuple[str, ...]
    seconds: float


def run(jobs: Sequence[Job], environments: Environments, *, at_once: int, limit_seconds: float) -> list[Outcome]:
    """Return what became of every job; one that has not begun when the time is over gets no answer."""
    until = time.monotonic() + limit_seconds
    together = threading.Barrier(min(at_once, len(jobs)))

    def work(place: int) -> Outcome:
        if place < together.parties:
            together.wait()  # so that they come at once, and not as fast as threads start
        return _work(jobs[place], environments, until=until)

    with ThreadPoolExecutor(max_workers=together.parties) as threads:
        return list(threads.map(work, range(len(jobs))))


def let_aws_be_slow_and_throttle(aws: Aws, *, calls: int) -> None:
    """Let one call of ten take a while and one of twenty be throttled; and once every call for a moment.

    Nothing of it is left to chance, so that two runs can be compared.
    """
    fine, slow, throttled = (
        AwsFault(kind="slow", seconds=0.0),
        AwsFault(kind="slow", seconds=0.2),
        AwsFault(kind="throttle"),
    )
    for operation in _AWS_OPERATIONS:
        for part in range(calls // 20):
            aws.faults.plan(operation, throttled, times=1)
            aws.faults.plan(operation, fine, times=17)
            aws.faults.plan(operation, slow, times=2)
            if part == calls // 40:
                aws.faults.plan(operation, throttled, times=max(3, calls // 40))


def _work(job: Job, environments: Environments, *, until: float) -> Outcome:
    started = time.monotonic()
    again: list[str] = []
    reply: Reply | None = None
    for _ in range(_TRIES):
        if time.monotonic() > until:
            break
        try:
            reply = environments.post(job.token)
        except (OSError, http.client.HTTPException, ValueError):
            reply = None
            break
        if reply.status not in _COME_AGAIN:
            break
        again.append(str(reply.body.get("reason")))
        time.sleep(min(reply.retry_after_seconds or 1, max(0.0, until - time.monotonic())))
    return Outcome(job=job, reply=reply, again=tuple(again), seconds=time.monotonic() - started)

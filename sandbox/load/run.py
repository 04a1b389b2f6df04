"""All jobs at once: each asks, and comes again when it is told to."""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from sandbox.aws.server import Aws, AwsFault
from sandbox.load.environments import Environments, Reply
from sandbox.load.jobs import Job

PAUSES_SECONDS: Final = (1, 2, 4, 8)
"""Between the tries of a job, at least. These, the statuses and the time are those of `curl --retry 4` in the steps."""

COME_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
TRYING_SECONDS: Final = 60.0
NO_ANSWER: Final = "no answer"
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

    def begin(place: int) -> Outcome:
        if place < together.parties:
            together.wait()  # so that they come at once, and not as fast as threads start
        return work(jobs[place], environments.post, until=until)

    with ThreadPoolExecutor(max_workers=together.parties) as threads:
        return list(threads.map(begin, range(len(jobs))))


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


def work(
    job: Job, post: Callable[[str], Reply], *, until: float, sleep: Callable[[float], object] = time.sleep
) -> Outcome:
    """Return what becomes of a job that asks by `post` as a shipped step does, and begins no try after `until`."""
    started = time.monotonic()
    again: list[str] = []
    reply: Reply | None = None
    for pause_seconds in (*PAUSES_SECONDS, None):
        if time.monotonic() > until:
            break
        try:
            reply = post(job.token)
        except (OSError, http.client.HTTPException):
            reply = None
        except ValueError:  # an answer that is no JSON; curl would take it
            reply = None
            break
        if reply is not None and reply.status not in COME_AGAIN:
            break
        told_seconds = (reply.retry_after_seconds if reply is not None else None) or 0
        tried_seconds = time.monotonic() - started
        if pause_seconds is None or tried_seconds + max(pause_seconds, told_seconds) > TRYING_SECONDS:
            break
        again.append(NO_ANSWER if reply is None else str(reply.body.get("reason")))
        sleep(min(max(pause_seconds, told_seconds), max(0.0, until - time.monotonic())))
    return Outcome(job=job, reply=reply, again=tuple(again), seconds=time.monotonic() - started)

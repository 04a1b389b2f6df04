"""Runs all jobs at once; each sends a request, and retries as the answer says."""

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

RETRIED_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
MAX_RETRY_SECONDS: Final = 60.0
NO_ANSWER: Final = "no answer"
_AWS_OPERATIONS: Final = ("sts:AssumeRole", "ecr:GetAuthorizationToken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A job's last reply, None without an answer, and the reasons of the earlier ones."""

    job: Job
    reply: Reply | None
    retry_reasons: tuple[str, ...]
    seconds: float


def run(jobs: Sequence[Job], environments: Environments, *, at_once: int, limit_seconds: float) -> list[Outcome]:
    """Return the outcome of every job. A job that has not started within the time limit gets no answer."""
    until = time.monotonic() + limit_seconds
    together = threading.Barrier(min(at_once, len(jobs)))

    def begin(place: int) -> Outcome:
        if place < together.parties:
            together.wait()  # so that they start at the same time, not one thread after another
        return work(jobs[place], environments.post, until=until)

    with ThreadPoolExecutor(max_workers=together.parties) as threads:
        return list(threads.map(begin, range(len(jobs))))


def plan_aws_faults(aws: Aws, *, calls: int) -> None:
    """Slow down one call in ten, throttle one in twenty, and once throttle every call for a moment.

    Nothing is random, so that two runs can be compared.
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
    """Return the outcome of a job that retries `post` as the documented step does, and not after `until`."""
    started = time.monotonic()
    retry_reasons: list[str] = []
    reply: Reply | None = None
    for pause_seconds in (*PAUSES_SECONDS, None):
        if time.monotonic() > until:
            break
        try:
            reply = post(job.token)
        except (OSError, http.client.HTTPException):
            reply = None
        except ValueError:  # not JSON; curl would accept it
            reply = None
            break
        if reply is not None and reply.status not in RETRIED_STATUSES:
            break
        told_seconds = (reply.retry_after_seconds if reply is not None else None) or 0
        tried_seconds = time.monotonic() - started
        if pause_seconds is None or tried_seconds + max(pause_seconds, told_seconds) > MAX_RETRY_SECONDS:
            break
        retry_reasons.append(NO_ANSWER if reply is None else str(reply.body.get("reason")))
        sleep(min(max(pause_seconds, told_seconds), max(0.0, until - time.monotonic())))
    return Outcome(job=job, reply=reply, retry_reasons=tuple(retry_reasons), seconds=time.monotonic() - started)

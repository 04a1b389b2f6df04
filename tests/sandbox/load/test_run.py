"""A job of the load run retries as the documented steps do."""

import math
import re
import time

import pytest

from sandbox.load.environments import Reply
from sandbox.load.jobs import Job
from sandbox.load.run import MAX_RETRY_SECONDS, PAUSES_SECONDS, RETRIED_STATUSES, Outcome, work
from tests.docs.pages import page

JOB = Job(provider="gitlab", token="a.b.c")


def answer(status: int, *, retry_after: int | None = None) -> Reply:
    return Reply(status=status, body={"reason": f"of-{status}"}, retry_after_seconds=retry_after, served_seconds=0.0)


def outcome_of(*answers: Reply | Exception) -> tuple[Outcome, list[float]]:
    """Return the outcome of a job that gets these answers, the last one repeatedly, and its waiting times."""
    left, waited = list(answers), list[float]()

    def post(_: str) -> Reply:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return work(JOB, post, until=math.inf, sleep=waited.append), waited


@pytest.mark.parametrize("status", [200, 400, 401, 403, 501])
def test_an_answer_that_stays_ends_the_tries(status: int) -> None:
    outcome, waited = outcome_of(answer(status))
    assert (outcome.retry_reasons, waited) == ((), [])


@pytest.mark.parametrize("first", [*map(answer, sorted(RETRIED_STATUSES)), ConnectionResetError(), TimeoutError()])
def test_transient_failures_are_retried(first: Reply | Exception) -> None:
    outcome, waited = outcome_of(first, answer(200))
    assert outcome.reply == answer(200)
    assert waited == [1]


def test_four_more_tries_and_then_the_last_answer() -> None:
    outcome, waited = outcome_of(answer(503))
    assert outcome.reply == answer(503)
    assert len(outcome.retry_reasons) == len(waited) == 4
    assert waited == [1, 2, 4, 8]


@pytest.mark.parametrize(("told", "first"), [(5, 5), (1, 1), (0, 1), (59, 59)])
def test_the_longer_of_pause_and_retry_after_counts(told: int, first: int) -> None:
    waited = outcome_of(answer(429, retry_after=told), answer(200))[1]
    assert waited == [first]


def test_a_retry_after_beyond_the_minute_ends_the_tries() -> None:
    outcome, waited = outcome_of(answer(429, retry_after=61))
    assert (outcome.reply, waited) == (answer(429, retry_after=61), [])


def test_nothing_begins_when_the_run_is_over() -> None:
    outcome = work(JOB, lambda _: answer(200), until=time.monotonic() - 1)
    assert outcome.reply is None


def test_the_login_steps_retry_the_same_way() -> None:
    (step,) = [block.text for block in page("docs/ci/README.md").blocks if block.use == "shape"]
    assert int(re.findall(r"--retry ([0-9]+)", step)[0]) == len(PAUSES_SECONDS)
    assert float(re.findall(r"--retry-max-time ([0-9]+)", step)[0]) == MAX_RETRY_SECONDS
    assert "--retry-all-errors" in step
    helper = page("docs/ci/README.md").section("The login step")
    assert all(str(status) in helper for status in RETRIED_STATUSES)

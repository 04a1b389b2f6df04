"""Each kind of failure is found, so that an empty list means something."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.backends import Backends
from sandbox.load.checks import failures_of
from sandbox.load.environments import Environments, Reply
from sandbox.load.jobs import Job, make_jobs
from sandbox.load.run import NO_ANSWER, Outcome, run
from token_exchange.core.refusals import Reason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    backends: Backends
    outcomes: list[Outcome]

    def granted(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.job.source and not outcome.job.refused_for]

    def refused(self) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.job.refused_for is Reason.EXPIRED)

    def reply(self, outcome: Outcome) -> Reply:
        assert outcome.reply is not None
        return outcome.reply


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    folder: Path = tmp_path_factory.mktemp("crowd")
    with Backends(folder) as backends, (folder / "log").open("wb") as log:
        chance = random.Random(3)  # noqa: S311 - it only shuffles
        jobs = make_jobs(backends, count=20, bad_percent=35, chance=chance)
        with Environments(backends.environment(), count=1, log=log) as environments:
            outcomes = run(jobs, environments, at_once=4, limit_seconds=60)
        yield Crowd(backends=backends, outcomes=outcomes)


def messages(crowd: Crowd, *outcomes: Outcome) -> str:
    return "; ".join(failures_of(outcomes, crowd.backends.aws))


def test_an_unchanged_run_has_no_failures(crowd: Crowd) -> None:
    assert messages(crowd, *crowd.outcomes) == ""


@pytest.mark.parametrize("reason", ["internal-error", "misconfigured", NO_ANSWER, "None"])
def test_a_fault_before_the_last_try_is_found(crowd: Crowd, reason: str) -> None:
    first = dataclasses.replace(crowd.granted()[0], retry_reasons=("aws-throttled", reason))
    assert reason in messages(crowd, first)
    passing = dataclasses.replace(first, retry_reasons=("aws-throttled", "too-many-requests"))
    assert messages(crowd, passing) == ""


def test_a_login_of_another_job_is_found(crowd: Crowd) -> None:
    first, second = crowd.granted()[:2]
    swapped = dataclasses.replace(first, reply=second.reply)
    assert f"expected {first.job.own}, found " in messages(crowd, swapped)


def test_another_jobs_session_is_found_behind_a_good_answer(crowd: Crowd) -> None:
    first, second = crowd.granted()[:2]
    entry = {**_entry(crowd.reply(first)), "password": _entry(crowd.reply(second))["password"]}
    reply = dataclasses.replace(crowd.reply(first), body={"registries": [entry]})
    assert "expected a session for" in messages(crowd, dataclasses.replace(first, reply=reply))


def test_one_login_for_two_jobs_is_found(crowd: Crowd) -> None:
    first = crowd.granted()[0]
    assert "one that another job also has" in messages(crowd, first, first)


def test_a_login_for_a_bad_token_is_found(crowd: Crowd) -> None:
    login = dataclasses.replace(crowd.refused(), reply=crowd.granted()[0].reply)
    assert "expected expired, found None with status 200" in messages(crowd, login)


def test_another_reason_than_its_own_is_found(crowd: Crowd) -> None:
    other = dataclasses.replace(crowd.refused().job, refused_for=Reason.BAD_SIGNATURE)
    assert "expected bad-signature, found expired" in messages(crowd, dataclasses.replace(crowd.refused(), job=other))


def test_a_session_for_a_bad_token_is_found_behind_a_refusal(crowd: Crowd) -> None:
    granted = crowd.granted()[0]
    job: Job = dataclasses.replace(granted.job, refused_for=Reason.EXPIRED)
    refused = dataclasses.replace(granted, job=job, reply=crowd.refused().reply)
    assert f"a session was made for {job.source}, whose job is refused" in messages(crowd, refused)


def _entry(reply: Reply) -> dict[str, object]:
    listed = reply.body["registries"]
    assert isinstance(listed, list)
    return dict(listed[0])

"""Many jobs at once, AWS that throttles, clients that retry: this service against one that is written the usual way."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.worker import nested
from sandbox.backends import Backends
from sandbox.load.environments import Environments
from sandbox.load.jobs import Job, make_jobs
from sandbox.load.report import percentile
from sandbox.load.run import Outcome, plan_aws_faults, run
from sandbox.service import HANDLER

AIM: Final = 0.8
LIMIT: Final = 1.0
USUAL: Final = "bench.usual_function:handler"
_PROVIDER: Final = "github-actions"
_SEED: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """So many jobs at once, on so many environments, which may take so long together; as often as `rounds`."""

    jobs: int
    environments: int
    limit_seconds: float
    rounds: int


def measure(folder: Path, crowd: Crowd) -> Part:
    """Return how many of the jobs get a login in both ways, and how long they wait."""
    ours: list[Sequence[Outcome]] = []
    usual: list[Sequence[Outcome]] = []
    with Backends(folder / "load") as backends:
        variables = {**child_environment(backends), "SSL_CERT_FILE": str(backends.issuer.ca_bundle)}
        for _ in range(crowd.rounds):
            ours.append(_outcomes(backends, crowd, HANDLER, variables))
            asked = {
                "BENCH_KEYS_URL": backends.issuer.tokens.keys_url(_PROVIDER),
                "BENCH_ASSUME_ROLE": json.dumps(nested(backends.aws.requests("sts:AssumeRole")[-1].parameters)),
            }
            usual.append(_outcomes(backends, crowd, USUAL, {**variables, **asked}))
            backends.aws.forget_requests()
    waited, waited_usually = _waited(ours), _waited(usual)
    return Part(
        title="Many jobs at once",
        method=(
            f"{crowd.jobs:,} jobs that start together and retry as `curl --retry 4` does, on {crowd.environments} "
            "environments that serve one request at a time, over HTTP on loopback. STS and ECR throttle one call in "
            "twenty, throttle every call for a short time, and are slow for one call in ten. The usual way creates a "
            "client for each call and fetches the keys for each token (`bench/usual_function.py`). No job sends a "
            f"request after {crowd.limit_seconds:.0f} s. Both run alternately, {crowd.rounds} times each; the table "
            "has the fewest logins and the least times, since all processes share this machine with its other load."
        ),
        figures=(
            Figure(name="jobs with a login, this service", value=_share(ours), unit="times"),
            Figure(name="jobs with a login, the usual way", value=_share(usual), unit="times"),
            Figure(
                name="jobs without a login, this service", value=max(map(_lost, ours)), unit="count", limit=0,
                steady=True,
            ),
            Figure(name="jobs without a login, the usual way", value=max(map(_lost, usual)), unit="count"),
            Figure(
                name="99 % of the jobs within, this service / the usual way", value=waited / waited_usually,
                unit="times", aim=AIM, limit=LIMIT,
            ),
            Figure(name="99 % of the jobs within, this service", value=waited * 1e3, unit="ms"),
            Figure(name="99 % of the jobs within, the usual way", value=waited_usually * 1e3, unit="ms"),
        ),
    )  # fmt: skip


def _outcomes(backends: Backends, crowd: Crowd, handler: str, variables: Mapping[str, str]) -> Sequence[Outcome]:
    backends.aws.faults.clear()
    log = backends.policy_path.with_name("load.log")
    with (
        log.open("wb") as output,
        Environments(variables, count=crowd.environments, log=output, handler=handler) as environments,
    ):
        # Each environment has served once: a cold start is measured elsewhere.
        first = _jobs(backends, crowd.environments)
        run(first, environments, at_once=len(first), limit_seconds=crowd.limit_seconds)
        jobs = _jobs(backends, crowd.jobs)
        plan_aws_faults(backends.aws, calls=crowd.jobs)
        return run(jobs, environments, at_once=crowd.jobs, limit_seconds=crowd.limit_seconds)


def _jobs(backends: Backends, count: int) -> list[Job]:
    """Return jobs of the one CI system that the usual way knows."""
    chance = random.Random(_SEED)  # noqa: S311 - a load, the same each time
    found = make_jobs(backends, count=4 * count, bad_percent=0, chance=chance)
    return [job for job in found if job.provider == _PROVIDER][:count]


def _lost(outcomes: Sequence[Outcome]) -> int:
    return sum(one.reply is None or one.reply.status != HTTPStatus.OK for one in outcomes)


def _share(runs: Sequence[Sequence[Outcome]]) -> float:
    return min(1 - _lost(outcomes) / len(outcomes) for outcomes in runs)


def _waited(runs: Sequence[Sequence[Outcome]]) -> float:
    return min(percentile([one.seconds for one in outcomes], 99) for outcomes in runs)

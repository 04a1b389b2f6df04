from dataclasses import replace

import pytest

from bench.scaling import AS_DEPLOYED, RUNS, WITH_WAF, Bucket, Load, Quotas, Simulation
from tests.deploy.cloudformation import load, mapping

FEW = Load(name="few", a_second=5, seconds=10)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(10, 3)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(0.1)
    assert not bucket.take(0.15)
    # It never holds more than its burst.
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


def test_few_jobs_are_all_served_without_a_retry() -> None:
    outcome = Simulation(AS_DEPLOYED).run(FEW)
    assert len(outcome.waited_seconds) == 50
    assert outcome.given_up == 0
    assert not outcome.told
    assert outcome.waited(0.99) < 1


@pytest.mark.parametrize(
    ("quotas", "what"),
    [
        (replace(AS_DEPLOYED, gateway_rate=1, gateway_burst=1), "429 of the gateway"),
        (replace(AS_DEPLOYED, environments=1, environments_ramp=0.1), "no environment"),
        (replace(AS_DEPLOYED, sts_rate=1), "503 for STS"),
        (replace(AS_DEPLOYED, ecr_rate=1, ecr_burst=1), "503 for ECR"),
    ],
)
def test_the_narrowest_limit_is_the_bottleneck(quotas: Quotas, what: str) -> None:
    outcome = Simulation(quotas).run(Load(name="burst", at_once=200))
    assert outcome.told.most_common(1)[0][0] == what
    assert outcome.given_up > 0


def test_every_job_gets_a_login_or_gives_up() -> None:
    for _, quotas, jobs in RUNS[:5]:
        outcome = Simulation(quotas).run(jobs)
        assert len(outcome.waited_seconds) + outcome.given_up == jobs.at_once + int(jobs.a_second * jobs.seconds)


def test_the_number_of_environments_is_limited() -> None:
    assert Simulation(AS_DEPLOYED).run(Load(name="burst", at_once=3000)).most_environments <= AS_DEPLOYED.environments


def test_a_run_is_reproducible() -> None:
    assert Simulation(AS_DEPLOYED).run(FEW) == Simulation(AS_DEPLOYED).run(FEW)


def test_the_limits_equal_the_templates() -> None:
    parameters = mapping(load("template.yaml"), "Parameters")
    assert mapping(parameters, "ThrottleRate")["Default"] == AS_DEPLOYED.gateway_rate
    assert mapping(parameters, "ThrottleBurst")["Default"] == AS_DEPLOYED.gateway_burst

    assert mapping(parameters, "RatePerSource")["Default"] == WITH_WAF.source_rate_a_minute


def test_a_source_that_is_limited_leaves_the_jobs_their_logins() -> None:
    flood = Load(name="flood", a_second=5, seconds=20, invalid_a_second=3000)
    left = Simulation(AS_DEPLOYED).run(flood)
    guarded = Simulation(WITH_WAF).run(flood)
    assert left.given_up > guarded.given_up

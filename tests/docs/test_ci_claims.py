"""The policy of each page of docs/ci decides over every run of which its system's claims are known."""

import json
from functools import cache

import pytest
import yaml

from sandbox.providers import all_providers
from tests.ci_claims import NOON
from tests.ci_jobs import job_claims
from tests.docs.ci_systems import CI, only_block
from tests.docs.pages import page
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Policy
from token_exchange.core.refusals import Refused
from token_exchange.loading.load import load_policy

RUNS = [(name, scenario) for name, ci in CI.items() for scenario in all_providers()[ci.provider].scenarios]


@cache
def policy_of(name: str) -> Policy:
    document = json.dumps(yaml.safe_load(only_block(page(name), "yaml", "policy"))).encode()

    def no_file(path: str) -> bytes:
        raise FileNotFoundError(path)

    return load_policy(document, name="policy.json", read_file=no_file)


def test_a_pages_policy_grants_its_job_and_no_other(subtests: pytest.Subtests) -> None:
    for name, scenario in RUNS:
        with subtests.test(name=name, scenario=scenario):
            ci = CI[name]
            (issuer,) = policy_of(name).issuers.values()
            assert issuer.trust.url == ci.issuer
            claims = job_claims(ci.provider, scenario, iss=ci.issuer)
            try:
                decision = decide(
                    policy_of(name), caller_of(issuer, claims, now=NOON), AccessRequest(registries=("apps",))
                )
            except Refused:
                granted = False
            else:
                granted = isinstance(decision, Granted)
            assert granted is (scenario in {ci.good} | ci.also_good)


def test_a_page_shows_a_job_and_an_outsider(subtests: pytest.Subtests) -> None:
    for name in sorted(CI):
        with subtests.test(name=name):
            scenarios = all_providers()[CI[name].provider].scenarios
            assert {CI[name].good, CI[name].bad} | CI[name].also_good <= scenarios.keys()
            assert CI[name].bad not in {CI[name].good} | CI[name].also_good

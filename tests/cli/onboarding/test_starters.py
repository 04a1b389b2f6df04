"""The first policies: their claims are those of real tokens, and what they say of the linter is so."""

import json

import pytest

from tests.docs.pages import ROOT, page
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import NAMES
from token_exchange_cli.onboarding.questions import QUESTIONS
from token_exchange_cli.onboarding.starters import STARTERS
from token_exchange_cli.steps.systems import SYSTEMS

EVERY_SYSTEM = pytest.mark.parametrize("name", STARTERS)


def test_every_provider_has_a_first_policy() -> None:
    assert set(STARTERS) == set(NAMES) - {"generic"} == set(SYSTEMS)


def test_every_question_has_a_system_that_asks_it() -> None:
    assert {asked for starter in STARTERS.values() for asked in starter.asks} == set(QUESTIONS)


@EVERY_SYSTEM
def test_the_claims_have_names_and_types_of_real_tokens(name: str) -> None:
    known = json.loads((ROOT / f"sandbox/providers/claims/{name}.json").read_text())
    real: dict[str, Json] = {**known.get("sometimes", {}), **known["job"]}
    starter = STARTERS[name]
    for claims in (starter.claims, *(refusal.claims for refusal in starter.refused)):
        for claim, value in claims.items():
            assert claim in real
            assert value is None or type(value) is type(real[claim]), claim


@EVERY_SYSTEM
def test_a_fixed_audience_is_fixed_for_the_step_too(name: str) -> None:
    assert (STARTERS[name].audience is None) is (SYSTEMS[name].fixed_audience is None)


@EVERY_SYSTEM
def test_each_answer_is_used_in_the_policy(name: str) -> None:
    starter = STARTERS[name]
    used = str([starter.settings, starter.organization, starter.match, starter.claims_match, starter.claims])
    assert all(f"{{{asked}}}" in used for asked in starter.asks)


@EVERY_SYSTEM
def test_the_page_knows_the_warnings_that_no_policy_avoids(name: str) -> None:
    text = page(f"docs/ci/{SYSTEMS[name].page}.md").text
    assert all(f"lint.md#{code}" in text for code in STARTERS[name].warnings)

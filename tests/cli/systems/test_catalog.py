"""What is known of each CI system: its step hides secrets, and the claims of its first policy are of real tokens."""

import json
import re
import subprocess

import pytest

from tests.docs.pages import ROOT, page
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import NAMES
from token_exchange_cli.onboarding.interview import QUESTIONS
from token_exchange_cli.systems.catalog import SYSTEMS

EVERY_SYSTEM = pytest.mark.parametrize("name", SYSTEMS)


def test_every_provider_has_a_first_policy() -> None:
    assert set(SYSTEMS) == set(NAMES) - {"generic"}


def test_every_question_is_used_by_a_system() -> None:
    assert {asked for system in SYSTEMS.values() for asked in system.starter.questions} == set(QUESTIONS)


@EVERY_SYSTEM
def test_the_claims_have_names_and_types_of_real_tokens(name: str) -> None:
    known = json.loads((ROOT / f"sandbox/providers/claims/{name}.json").read_text())
    real: dict[str, Json] = {**known.get("sometimes", {}), **known["job"]}
    starter = SYSTEMS[name].starter
    for claims in (starter.claims, *(refusal.claims for refusal in starter.refused)):
        for claim, value in claims.items():
            assert claim in real
            assert value is None or type(value) is type(real[claim]), claim


@EVERY_SYSTEM
def test_each_answer_is_used_in_the_policy(name: str) -> None:
    starter = SYSTEMS[name].starter
    used = str([starter.settings, starter.organization, starter.match, starter.claims_match, starter.claims])
    assert all(f"{{{asked}}}" in used for asked in starter.questions)


@EVERY_SYSTEM
def test_the_page_lists_the_unavoidable_warnings(name: str) -> None:
    text = page(f"docs/ci/{SYSTEMS[name].page}.md").text
    assert all(f"lint.md#{code}" in text for code in SYSTEMS[name].starter.warnings)


@EVERY_SYSTEM
def test_no_step_puts_a_secret_on_a_command_line(name: str) -> None:
    """Every user of a shared runner can read one: a header with a variable comes from standard input."""
    for line in SYSTEMS[name].token:
        assert not re.search(r"(-H|--header|--oauth2-bearer)[ =]+['\"]?[^'\"@]*[$]", line)


@pytest.mark.parametrize("answer", ['{"token": "t.o.k"}', '{"value": "t.o.k"}'])
def test_velas_step_finds_the_token_in_the_servers_answer(answer: str) -> None:
    (program,) = [line.strip().removesuffix(")") for line in SYSTEMS["vela"].token if "sed" in line]
    done = subprocess.run(["sh", "-c", program], input=answer, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "t.o.k"

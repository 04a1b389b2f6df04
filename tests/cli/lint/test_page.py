"""The linter's page: each of its examples is dangerous or careful, as it says, and every code has both."""

from collections.abc import Callable
from datetime import date

import pytest
import yaml

from tests.core.test_identity_preset import PRESETS
from tests.docs.pages import Block, code_in, page
from tests.loading.documents import Document, load
from token_exchange.core.identity import Preset
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import ClaimPath, spelled
from token_exchange.loading.problems import spelled_path
from token_exchange_cli.lint.finding import Finding, Subject
from token_exchange_cli.lint.linter import RULES, warnings

PAGE = page("docs/lint.md")
DAY = date(2026, 11, 21)
(BASE,) = [yaml.safe_load(block.text) for block in PAGE.blocks if block.use == "policy"]
DANGEROUS = [block for block in PAGE.blocks if block.use.startswith("lint ")]
CAREFUL = [block for block in PAGE.blocks if block.use == "lint-careful"]
CODES = [code_in(title)[0] for level, title in PAGE.headings if level == 3]


def changed(block: Block) -> Document:
    """Return the page's policy with what the example changes: a grant by its name, or one that begins as the first."""
    example = yaml.safe_load(block.text)
    found: Document = dict(BASE)
    for key, value in example.items():
        found[key] = (
            {**BASE[key], **{name: {**BASE[key][name], **entry} for name, entry in value.items()}}
            if isinstance(value, dict)
            else [_over(BASE[key], entry) for entry in value]
        )
    return found


def _over(entries: list[dict[str, Json]], entry: dict[str, Json]) -> Json:
    base = next((one for one in entries if one["name"] == entry.get("name")), entries[0])
    return {key: value for key, value in {**base, **entry}.items() if value is not None}


def found_in(block: Block) -> list[Finding]:
    return list(warnings(Subject(policy=load(changed(block)), today=DAY)))


@pytest.mark.parametrize("block", DANGEROUS, ids=lambda block: block.use)
def test_risky_example_has_only_this_finding(block: Block) -> None:
    _, code, path = block.use.split(" ")
    assert [(one.code, spelled_path(one.path)) for one in found_in(block)] == [(code, path)]


@pytest.mark.parametrize("block", CAREFUL, ids=lambda block: block.text)
def test_careful_example_has_no_finding(block: Block) -> None:
    assert [(one.code, one.message) for one in found_in(block)] == []


def test_every_code_has_a_risky_and_a_careful_example() -> None:
    assert list(dict.fromkeys(block.use.split(" ")[1] for block in DANGEROUS)) == CODES
    assert len(CAREFUL) == len(CODES)


@pytest.mark.parametrize(
    ("code", "filed"),
    [
        ("written-by-the-job", lambda preset: preset.job_controlled_claims),
        ("exists-though-empty", lambda preset: preset.empty_claims),
    ],
)
def test_claim_tables_match_the_presets(code: str, filed: Callable[[Preset], frozenset[ClaimPath]]) -> None:
    told = {provider: set(code_in(claims)) for names, claims in PAGE.table(f"`{code}`") for provider in code_in(names)}
    assert told == {
        name: {spelled(path) for path in filed(preset)} for name, preset in PRESETS.items() if filed(preset)
    }


def test_every_rule_finds_something_somewhere() -> None:
    speaking = {
        rule for rule in RULES for block in DANGEROUS if list(rule(Subject(policy=load(changed(block)), today=DAY)))
    }
    assert speaking == set(RULES)
    assert len(RULES) == len(speaking)

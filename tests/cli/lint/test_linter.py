"""A careful policy has no warnings, however large it is."""

import json
from datetime import date

import pytest

from tests.cli.lint.lint import codes
from tests.cli.lint.policies import policy, push, stored
from tests.docs.pages import ROOT, blocks, page
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import spelled_path
from token_exchange_cli.lint.finding import Subject
from token_exchange_cli.lint.linter import warnings


def test_careful_policy_has_no_finding() -> None:
    assert codes(policy()) == []
    assert codes(policy(push())) == []
    assert codes(policy(stored())) == []


@pytest.mark.parametrize(("name", "text"), blocks("yaml", "policy"))
def test_documented_risks_are_linked_to_their_code(name: str, text: str) -> None:
    """Some systems offer nothing better; their pages name the warning, and what it means there."""
    found = load_policy(text.encode(), name="p", read_file=None)
    said = page(name).prose
    assert [
        f"{one.code} {spelled_path(one.path)}"
        for one in warnings(Subject(policy=found, today=date.today()))  # noqa: DTZ011 - a day
        if not (name.startswith("docs/ci/") and f"(../lint.md#{one.code})" in said)
    ] == []


def test_starter_policy_has_no_finding() -> None:
    given = PolicyFile(ROOT / "docs/examples/policy.yaml").read()
    found = load_policy(given.content, name=given.name, read_file=given.read_file)
    assert list(warnings(Subject(policy=found, today=date(2026, 11, 21)))) == []


def test_ten_thousand_grants_are_linted_in_time() -> None:
    many = [push(name=f"g{n}", match={"repository_id": str(n), "branch": "main"}) for n in range(10_000)]
    found = policy(*many, push(name="again", match={"repository_id": "77", "branch": "main", "tag": {"exists": False}}))
    assert codes(json.loads(json.dumps(found))) == ["unreachable"]

import json

import pytest

from tests.loading.documents import changed, document, faults, grant, load
from token_exchange.core.policy import Budget
from token_exchange.core.ports import Json
from token_exchange.loading.issuers import MAX_BUDGETS
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import Code, PolicyUnusable

ONE: dict[str, Json] = {"per": "repository_id", "exchanges": 100, "every": "10m"}


def with_budgets(budgets: Json) -> dict[str, Json]:
    return changed(document(), "issuers.github.budgets", budgets)


def test_budgets_are_read_in_their_order() -> None:
    other: Json = {"per": "organization", "exchanges": 1, "every": "1s"}
    assert load(with_budgets([ONE, other])).issuers["github"].budgets == (
        Budget(per="repository_id", exchanges=100, every_seconds=600),
        Budget(per="organization", exchanges=1, every_seconds=1),
    )


def test_there_are_none_unless_they_are_written_down() -> None:
    assert load(document()).issuers["github"].budgets == ()


@pytest.mark.parametrize(
    ("budgets", "place", "code"),
    [
        # no list of budgets
        ([], "", "empty"),
        (ONE, "", "wrong-type"),
        (["repository"], "[0]", "wrong-type"),
        ([{}], "[0]", "empty"),
        # what is counted
        ([{**ONE, "per": "team"}], "[0].per", "bad-value"),
        ([{**ONE, "per": "pipeline_id"}], "[0].per", "unknown-name"),
        ([{**ONE, "per": ["repository"]}], "[0].per", "wrong-type"),
        ([{"exchanges": 1, "every": "1m"}], "[0].per", "missing"),
        # how many
        ([{**ONE, "exchanges": 0}], "[0].exchanges", "bad-value"),
        ([{**ONE, "exchanges": -1}], "[0].exchanges", "bad-value"),
        ([{**ONE, "exchanges": 1.5}], "[0].exchanges", "bad-value"),
        ([{**ONE, "exchanges": True}], "[0].exchanges", "bad-value"),
        ([{**ONE, "exchanges": "100"}], "[0].exchanges", "bad-value"),
        ([{**ONE, "exchanges": 1_000_001}], "[0].exchanges", "bad-value"),
        ([{"per": "repository", "every": "1m"}], "[0].exchanges", "missing"),
        # how long
        ([{**ONE, "every": "0s"}], "[0].every", "bad-value"),
        ([{**ONE, "every": "25h"}], "[0].every", "bad-value"),
        ([{**ONE, "every": 600}], "[0].every", "wrong-type"),
        ([{"per": "repository", "exchanges": 1}], "[0].every", "missing"),
        # nothing else
        ([{**ONE, "burst": 5}], "[0].burst", "unknown-key"),
        ([ONE, {**ONE, "exchanges": 5}], "", "duplicate-name"),
        ([{**ONE, "every": f"{n}m"} for n in range(1, MAX_BUDGETS + 2)], "", "too-long"),
    ],
)
def test_one_fault_at_its_place(budgets: Json, place: str, code: Code) -> None:
    assert faults(with_budgets(budgets)) == [(f"issuers.github.budgets{place}", code)]


@pytest.mark.parametrize(
    ("found", "path"),
    [
        (with_budgets([ONE]), "issuers.github.budgets"),
        (document(grant(single_use=True)), "grants[0].single_use"),
    ],
)
def test_budgets_and_single_use_need_the_state_table(found: dict[str, Json], path: str) -> None:
    text = json.dumps(found).encode()
    load_policy(text, name="p", read_file=None, has_state=True)
    with pytest.raises(PolicyUnusable) as caught:
        load_policy(text, name="p", read_file=None, has_state=False)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{path}: ")
    assert "TOKEN_EXCHANGE_STATE_TABLE" in problem.message
    assert problem.code == "conflict"


def test_single_use_that_is_off_needs_none() -> None:
    load_policy(json.dumps(document(grant(single_use=False))).encode(), name="p", read_file=None, has_state=False)

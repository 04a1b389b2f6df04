"""The search finds what is dear, within the limit, and the same each time; what is dear here is said by a count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.hostile import Grammar, costliest

GRAMMAR = Grammar(limit=200, atoms=("a", "b", "é", "x{n}"), heads=("<", "<<"), tails=(">", ""))


def test_the_costliest_is_found_among_many() -> None:
    found = costliest(GRAMMAR, lambda text: float(text.count("ab")), candidates=400, seed=1)
    assert found.cost == found.text.count("ab") >= 90


def test_an_input_costly_in_three_ways_is_found() -> None:
    def cost(text: str) -> float:
        return float(text.count("b") * text.endswith(">") * text.startswith("<<"))

    found = costliest(GRAMMAR, cost, candidates=400, seed=1)
    assert found.text.startswith("<<")
    assert found.text.endswith(">")
    assert found.text.count("b") > 150


def test_the_same_seed_finds_the_same() -> None:
    once, again, other = (costliest(GRAMMAR, len, candidates=30, seed=seed).candidate for seed in (1, 1, 2))
    assert once == again
    assert once != other


@given(st.integers(0, 2**32), st.sampled_from(["", ",", "--"]), st.integers(20, 300))
def test_no_candidate_is_longer_than_the_limit(seed: int, separator: str, limit: int) -> None:
    grammar = Grammar(limit=limit, atoms=("a", "éé", "{n}"), heads=("{",), tails=("}",), separator=separator)
    texts: list[str] = []

    def cost(text: str) -> float:
        texts.append(text)
        return float(len(text))

    costliest(grammar, cost, candidates=40, seed=seed)
    assert max(len(text.encode()) for text in texts) <= limit


@pytest.mark.parametrize("separator", ["", ","])
def test_each_number_is_fresh(separator: str) -> None:
    grammar = Grammar(limit=500, atoms=("<{n}>",), separator=separator)
    found = costliest(grammar, len, candidates=30, seed=5)
    # A unit repeats a number within itself, and no other unit has it.
    numbers = found.text.replace(",", "").replace("><", ">,<").split(",")
    assert len(set(numbers)) * 4 >= len(numbers) > 50

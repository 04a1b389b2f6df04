"""YAML that is read as it was meant, by a lenient reader and by the policy's own."""

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.loading.problems import Problems
from token_exchange.loading.yaml import read_yaml
from token_exchange_cli.inputs import yaml_text

TEXTS = st.text() | st.sampled_from(
    [
        "yes",
        "No",
        "on",
        "null",
        "~",
        "",
        "012345678901",
        "1e3",
        "0x1F",
        "2027-06-30",
        "12:30:45",
        "a: b",
        "a #b",
        "<<",
        "=",
        "-",
        "*",
    ]
)
VALUES = st.recursive(
    TEXTS | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_yaml_round_trips(value: object) -> None:
    text = yaml_text(json.loads(json.dumps(value)))
    assert text.isascii()
    assert yaml.safe_load(text) == value


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_policy_reader_finds_no_ambiguous_value(value: dict[str, object]) -> None:
    problems = Problems()
    assert read_yaml(yaml_text(json.loads(json.dumps(value))), problems) == value
    problems.raise_if_any()

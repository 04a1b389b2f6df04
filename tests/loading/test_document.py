import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loading.documents import document, load
from token_exchange.core.ports import Json
from token_exchange.loading.document import hidden_characters, read_document
from token_exchange.loading.fields import MAX_DEPTH, Node, Unquoted
from token_exchange.loading.problems import Code, PolicyUnusable, Problems, spelled_path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(text: bytes | str) -> Node:
    problems = Problems()
    node = read_document(text.encode() if isinstance(text, str) else text, problems)
    problems.raise_if_any()
    return node


def faults(text: bytes | str) -> list[tuple[str, Code]]:
    with pytest.raises(PolicyUnusable) as unusable:
        read(text)
    return [(spelled_path(problem.path), problem.code) for problem in unusable.value.problems]


def message(text: bytes | str) -> str:
    with pytest.raises(PolicyUnusable) as unusable:
        read(text)
    return str(unusable.value)


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        # what every reader reads alike
        ("main", "main"),
        ("'yes'", "yes"),
        ('"2027-06-30"', "2027-06-30"),
        ("'0x1f'", "0x1f"),
        ('"null"', "null"),
        ("true", True),
        ("false", False),
        ("1", 1),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        ("999999999999999999", 999_999_999_999_999_999),
        # nothing at all
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        # what only looks special at first sight
        ("yesterday", "yesterday"),
        ("nothing", "nothing"),
        ("one", "one"),
        ("-x", "-x"),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
        ("30m", "30m"),
        ("2027-06", "2027-06"),
        ("10.0.0.1", "10.0.0.1"),
        ("1-2", "1-2"),
        ("0xyz", "0xyz"),
        ("Infinite", "Infinite"),
        ("<<", "<<"),
        ("arn:aws:iam::210987654321:role/x", "arn:aws:iam::210987654321:role/x"),
        ("a # comment", "a"),
        # what YAML 1.1 takes for something else than was meant
        ("yes", Unquoted("yes", "a boolean")),
        ("No", Unquoted("No", "a boolean")),
        ("on", Unquoted("on", "a boolean")),
        ("OFF", Unquoted("OFF", "a boolean")),
        ("y", Unquoted("y", "a boolean")),
        ("N", Unquoted("N", "a boolean")),
        ("True", Unquoted("True", "a boolean")),
        ("FALSE", Unquoted("FALSE", "a boolean")),
        ("2027-06-30", Unquoted("2027-06-30", "a date")),
        ("2027-6-3", Unquoted("2027-6-3", "a date")),
        ("2027-06-30T10:00:00Z", Unquoted("2027-06-30T10:00:00Z", "a date")),
        ("2027-06-30 10:00:00", Unquoted("2027-06-30 10:00:00", "a date")),
        ("22:30", Unquoted("22:30", "a number")),
        ("190:20:30.15", Unquoted("190:20:30.15", "a number")),
        ("0x1f", Unquoted("0x1f", "a number")),
        ("0o17", Unquoted("0o17", "a number")),
        ("012345678901", Unquoted("012345678901", "a number")),
        ("0b11", Unquoted("0b11", "a number")),
        ("+1", Unquoted("+1", "a number")),
        ("1_000", Unquoted("1_000", "a number")),
        ("1e5", Unquoted("1e5", "a number")),
        ("12e4567", Unquoted("12e4567", "a number")),
        (".5", Unquoted(".5", "a number")),
        ("1.", Unquoted("1.", "a number")),
        ("1" * 19, Unquoted("1" * 19, "a number")),
        (".inf", Unquoted(".inf", "a number")),
        ("-.INF", Unquoted("-.INF", "a number")),
        (".nan", Unquoted(".nan", "a number")),
        ("NaN", Unquoted("NaN", "a number")),
        ("-Infinity", Unquoted("-Infinity", "a number")),
    ],
)
def test_types_of_scalars(scalar: str, value: Node) -> None:
    found = read(f"key: {scalar}\n")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)
    assert read(f"- {scalar}\n") == [value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # keys
        ("a: 1\na: 2\n", [("a", "duplicate-key")]),
        ("a: 1\n'a': 2\n\"a\": 3\n", [("a", "duplicate-key"), ("a", "duplicate-key")]),
        ("x: {b: 1, b: 1}\n", [("x.b", "duplicate-key")]),
        ("x: [{b: 1, b: 1}]\n", [("x[0].b", "duplicate-key")]),
        ("yes: 1\n", [("yes", "ambiguous-value")]),
        ("x: {2027-06-30: 1}\n", [('x["2027-06-30"]', "ambiguous-value")]),
        ("7: 1\n", [('["7"]', "ambiguous-value")]),
        ("~: 1\n", [('["~"]', "ambiguous-value")]),
        ("? [a]\n: 1\n", [("", "syntax")]),
        ("{[a]: 1}\n", [("", "syntax")]),
        # anchors, aliases, merge keys and tags: a line must mean what it says
        ("a: &x 1\n", [("a", "syntax")]),
        ("a: &x [1]\n", [("a", "syntax")]),
        ("&x a: 1\n", [("a", "syntax")]),
        ("a: &x 1\nb: *x\n", [("a", "syntax"), ("b", "syntax")]),
        ("*x : 1\n", [("", "syntax")]),
        ("a: {<<: {b: 1}}\n", [('a["<<"]', "syntax")]),
        ("a: !!str 1\n", [("a", "syntax")]),
        ("a: !!python/object/apply:os.system [id]\n", [("a", "syntax")]),
        ("a: !mine {b: 1}\n", [("a", "syntax")]),
        ("!!str a: 1\n", [("a", "syntax")]),
        ("a: ! x\n", [("a", "syntax")]),
        ("&x {a: 1}\n", [("", "syntax")]),
        # several at once, each with its path
        ("a: !t 1\nb: {on: 1}\nb: 2\n", [("a", "syntax"), ("b.on", "ambiguous-value"), ("b", "duplicate-key")]),
        # not one document
        ("", [("", "syntax")]),
        ("# nothing but a comment\n", [("", "syntax")]),
        ("a: 1\n---\nb: 2\n", [("", "syntax")]),
        ("---\n---\n", [("", "syntax")]),
        # no YAML
        ("a: [1\n", [("", "syntax")]),
        ("\ta: 1\n", [("", "syntax")]),
        ("a: *\n", [("", "syntax")]),
        ("a: 'x\n", [("", "syntax")]),
        ("%TAG !e! tag:example.com,2026:\n---\na: 1\n", [("", "syntax")]),
        ("%YAML 9.9\n---\na: 1\n", [("", "syntax")]),
        ('a: "\\ud800"\n', [("", "syntax")]),
        # no text
        (b"\xff\xfea\x00:\x00 \x001\x00", [("", "syntax")]),
        (b"a: caf\xe9\n", [("", "syntax")]),
        (b"a: \xed\xa0\x80\n", [("", "syntax")]),
        # too deep for any reader to follow, in YAML and in JSON
        ("[" * 200 + "]" * 200, [("", "syntax")]),
        ('{"a":' * 5000 + "1" + "}" * 5000, [("", "syntax")]),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), [("", "syntax")]),
        # JSON
        ('{"a": 1, "a": 2}', [("a", "duplicate-key")]),
        ('{"x": [{"b": 1, "b": 1, "c": 2, "c": 3}]}', [("x[0].b", "duplicate-key"), ("x[0].c", "duplicate-key")]),
        ('{"a": "\\ud800"}', [("a", "bad-value")]),
        ('{"a": {"\\udc80": 1}}', [('a["\\udc80"]', "bad-value")]),
        ('{"a": 1} trailing', [("", "syntax")]),
    ],
)
def test_invalid_documents_are_refused(text: str | bytes, expected: list[tuple[str, Code]]) -> None:
    assert faults(text) == expected


def test_numbers_outside_json_or_its_range_stay_unquoted_text() -> None:
    assert read('{"a": NaN, "b": -Infinity, "c": 1e999, "d": [1e2, 1.5], "e": "\\ud83d\\ude80"}') == {
        "a": Unquoted("NaN", "a number"),
        "b": Unquoted("-Infinity", "a number"),
        "c": Unquoted("1e999", "a number"),
        "d": [100.0, 1.5],
        "e": "\U0001f680",
    }
    assert read('{"a": 1e2}') == {"a": 100.0}
    assert read('{"a": ' + "9" * 5000 + "}") == {"a": Unquoted("9" * 5000, "a number")}
    assert read('{"a": -' + "9" * 18 + "}") == {"a": -int("9" * 18)}
    assert read('{"a": -' + "9" * 19 + "}") == {"a": Unquoted("-" + "9" * 19, "a number")}
    assert read("{a: NaN, b: 1}") == {"a": Unquoted("NaN", "a number"), "b": 1}


def test_pairs_of_surrogates_and_a_byte_order_mark_are_harmless() -> None:
    assert read('{"a": "\\ud83d\\ude80"}') == {"a": "\U0001f680"}
    assert read(b"\xef\xbb\xbfa: 1\n") == {"a": 1}
    assert read(b'\xef\xbb\xbf{"a": "b"}') == {"a": "b"}


def test_nesting_is_counted_not_brackets() -> None:
    assert read('{"a": "' + "[" * 100 + '"}') == {"a": "[" * 100}
    assert read('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH) is not None


def test_a_thousand_repeated_keys_are_each_reported_once() -> None:
    pairs = ", ".join(f'"k{n % 1000}": {n}' for n in range(20_000))
    assert len(faults(f"{{{pairs}}}")) == 1000


def test_messages_say_where_and_what_to_do() -> None:
    assert message("a: [1\nb: 2\n").startswith("line 2, column 2: ")
    assert message(b"a: \xff") == "line 1, column 4: not UTF-8"
    assert message("a: !!str 1") == "a: tags are not allowed; write the value itself"
    assert message("on: 1") == "on: quote the key: 'on'"
    assert message("Y: 1") == "Y: quote the key: 'Y'"
    assert message("x: {[1]: 2}") == "line 1, column 5: x: a key must be a string"
    assert message("a:\n  " + "[" * 30).startswith("line 2, column 23: more than 20 levels")
    assert message("# %TAG\n%TAG ! x\n--- 1\n") == "line 2, column 1: %TAG directives are not allowed"


@settings(deadline=None)
@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_any_json_object_is_read_as_json_has_it(value: Json) -> None:
    assert read(json.dumps(value)) == value
    spelled = json.dumps(value, ensure_ascii=False)
    if not list(hidden_characters(spelled.encode())):
        assert read(spelled) == value


@settings(deadline=None)
@given(st.binary())
def test_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        read(text)
    except PolicyUnusable as unusable:
        assert unusable.problems  # noqa: PT017 - either outcome is fine


@settings(deadline=None)
@given(st.text(st.sampled_from("ab01:-?[]{}&*!|>'\"%@`#,.~<= \n\t\\u\u0085\u2028")))
def test_texts_made_of_yamls_own_characters_are_read_or_refused(text: str) -> None:
    try:
        read(text)
    except PolicyUnusable as unusable:
        assert unusable.problems  # noqa: PT017 - either outcome is fine


def test_json_and_yaml_of_a_policy_differ_only_in_their_hash() -> None:
    as_json = load(document())
    as_yaml = load(
        b"""
version: 1
issuers:
  github:
    provider: github-actions
    audience: https://ecr.nordlicht.example
    organizations:
      - {name: nordlicht, id: "4400117"}
  gitlab: {provider: gitlab, audience: https://ecr.nordlicht.example, organizations: [{name: werft}]}
  own:
    provider: generic
    issuer: https://ci.nordlicht.example
    audience: https://ecr.nordlicht.example
    algorithms: [ES256]
    organization_claim: tenant
    claims: {repository: project, repository_id: project_id, branch: [git, branch]}
    organizations: [{name: nordlicht}]
registries:
  apps: {type: ecr, account: "210987654321", region: eu-central-1}
  base: {type: ecr, account: '210987654321', region: us-east-1}
grants:
  - name: reader
    issuers: [github]
    registry: apps
    role: arn:aws:iam::210987654321:role/ci-reader
    access: pull
    repositories: ["base/*"]
"""
    )
    assert as_yaml.grants == as_json.grants
    assert as_yaml.registries == as_json.registries
    assert {name: issuer.trust for name, issuer in as_yaml.issuers.items()} == {
        name: issuer.trust for name, issuer in as_json.issuers.items()
    }
    assert as_yaml.indexes == as_json.indexes
    assert as_yaml.sha256 != as_json.sha256

"""A document that reads to a reviewer as it does to its parser, or none at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loading.documents import Folder, changed, document, load, problems_of
from tests.loading.folders import TEAM, folder_problems, main_file, team_file
from token_exchange.loading.document import hidden_characters, read_document
from token_exchange.loading.problems import Place, PolicyUnusable, Problems

ENDS_A_LINE = ["\r", "\x85", "\u2028", "\u2029"]
TURNS_A_LINE = ["\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r\x85"]
HIDDEN = [*ENDS_A_LINE, *TURNS_A_LINE, *CONTROLS]

A_GRANT_IN_A_COMMENT = """\
grants:
  - {name: seen, repositories: ["base/*"]}   # see the wiki {}  - {name: unseen, repositories: ['*']}
"""


def refused(text: str | bytes) -> list[tuple[str | None, str]]:
    """Return place and code of everything that keeps `text` from being a document."""
    with pytest.raises(PolicyUnusable) as unusable:
        read_document(text.encode() if isinstance(text, str) else text, Problems())
    return [(None if each.place is None else str(each.place), each.code) for each in unusable.value.problems]


@pytest.mark.parametrize("separator", ENDS_A_LINE)
def test_no_grant_is_read_out_of_a_comment(separator: str) -> None:
    text = A_GRANT_IN_A_COMMENT.replace("{}", separator)
    assert refused(text) == [("line 2, column 61", "hidden-character")]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: 2 # {}x",
        "a: x\nb: 'y{}y'",
        'a: x\nb: "y{}y"',
        "a: x\nb: |\n  y\n  y{}y\n",
        '{"a": 1,\n"b": "y{}y"}',
        '{"a": 1,\n"y{}y": 2}',
    ],
)
def test_a_hidden_character_is_refused_anywhere(subtests: pytest.Subtests, text: str) -> None:
    for hidden in HIDDEN:
        with subtests.test(hidden=hidden):
            lines = text.partition("{}")[0].split("\n")
            place = f"line {len(lines)}, column {len(lines[-1]) + 1}"
            assert refused(text.replace("{}", hidden)) == [(place, "hidden-character")]


@pytest.mark.parametrize("text", ["a: 1\r\nb: [x,\r\n  z]\r\n", '{"a": 1,\r\n"b": ["x", "z"]}\r\n'])
def test_windows_line_endings_are_allowed(text: str) -> None:
    assert read_document(text.encode(), Problems()) == {"a": 1, "b": ["x", "z"]}


def test_an_escape_is_seen_and_stays() -> None:
    """Whether the value may hold the character is for its field: a branch's name may, a grant's may not."""
    assert read_document(rb'a: "\u202e"', Problems()) == {"a": "\u202e"}
    assert read_document(rb'{"a": "\u202e"}', Problems()) == {"a": "\u202e"}


def test_each_is_reported_up_to_twenty() -> None:
    assert refused("a: 1 # \u2028\nb: 2 # \u2029\u202e\n") == [
        ("line 1, column 8", "hidden-character"),
        ("line 2, column 8", "hidden-character"),
        ("line 2, column 9", "hidden-character"),
    ]
    assert len(refused("a: 1\r" * 1000)) == 20


def test_the_message_names_the_character() -> None:
    found = [described for _, described in hidden_characters("\r\u2028\u202e\x1b".encode())]
    assert found == [
        "a carriage return without a line feed",
        "the line separator U+2028, which ends a line only in YAML",
        "the bidirectional control U+202E",
        "the control character U+001B",
    ]


@given(st.text(st.characters(exclude_characters=HIDDEN, exclude_categories=["Cs"])))
def test_no_other_character_is_hidden(text: str) -> None:
    assert list(hidden_characters(text.encode())) == []
    assert list(hidden_characters(text.replace("\n", "\r\n").encode())) == []


def test_a_policy_says_where() -> None:
    text = json.dumps(document(), indent=1).replace('"version"', '\u202e"version"', 1).encode()
    (problem,) = problems_of(text)
    assert (problem.path, problem.code, problem.place) == ((), "hidden-character", Place(line=2, column=2))
    assert str(problem).startswith("line 2, column 2: expected only visible characters, found ")


def test_a_file_of_grants_says_where_too() -> None:
    (problem,) = folder_problems(main_file(), {TEAM: team_file() + b" # \r x\n"})
    assert (problem.file, problem.code) == (TEAM, "hidden-character")


@pytest.mark.parametrize(("key", "path"), [("jwks_file", "keys.json"), ("ca_bundle", "ca.pem")])
def test_a_file_that_a_policy_names_is_held_to_the_same(key: str, path: str) -> None:
    folder = Folder({path: b"-----BEGIN CERTIFICATE-----\n# \r x\n"})
    (problem,) = problems_of(changed(document(), f"issuers.own.{key}", path), folder=folder)
    assert "a carriage return without a line feed (line 2, column 3)" in problem.message


def test_a_named_file_may_have_windows_line_endings() -> None:
    folder = Folder({"ca.pem": b"-----BEGIN CERTIFICATE-----\r\n"})
    assert load(changed(document(), "issuers.own.ca_bundle", "ca.pem"), folder=folder).files == ("ca.pem",)

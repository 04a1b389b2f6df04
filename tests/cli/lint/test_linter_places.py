import pytest

from token_exchange.loading.problems import Path
from token_exchange_cli.lint.linter import Places

YAML = b"""\
version: 1
issuers:
  github:
    organizations:
      - {name: acme}
grants:
  - name: one
    match: {branch: main}
  - name: two
"""
JSON = b'{"version": 1,\n "grants": [{"name": "one",\n  "match": {"branch": "x"}}]}'


@pytest.mark.parametrize(
    ("content", "path", "place"),
    [
        (YAML, (), (1, 1)),
        (YAML, ("version",), (1, 1)),
        (YAML, ("issuers", "github"), (3, 3)),
        (YAML, ("issuers", "github", "organizations", 0, "name"), (5, 10)),
        (YAML, ("grants", 1), (9, 5)),
        (YAML, ("grants", 0, "match", "branch"), (8, 13)),
        # what is not there stands in what would hold it
        (YAML, ("grants", 0, "role"), (7, 5)),
        (YAML, ("registries",), (1, 1)),
        (JSON, ("grants", 0, "match"), (3, 3)),
    ],
)
def test_a_field_has_a_line_and_a_column(content: bytes, path: Path, place: tuple[int, int]) -> None:
    found = Places(content).of(path)
    assert (found.line, found.column) == place


@pytest.mark.parametrize(
    "content",
    # no YAML, no text, nothing, far too deep, and not for a reviewer
    [b"a: [1,\nb: {\n", b"\xff\xfe", b"", b"\x00", b"[" * 10_000, b"a: 1\r", b"%TAG !a! b\n--- 1\n"],
)
def test_unparsable_file_has_a_place(content: bytes) -> None:
    assert Places(content).of(("grants", 3)).line == 1


def test_fields_before_a_syntax_error_have_places() -> None:
    found = Places(b"a: 1\nb:\n  - 2\n  - : :\n").of(("b", 0))
    assert (found.line, found.column) == (3, 5)


def test_duplicate_name_maps_to_the_first_grant() -> None:
    assert Places(b"grants: [{name: a}, {name: b}, {name: a}, x, {name: 1}]").grants == {"a": 0, "b": 1}


def test_grants_are_found_by_their_names() -> None:
    assert Places(YAML).grants == {"one": 0, "two": 1}

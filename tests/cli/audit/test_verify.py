"""`audit verify`: what is wrong with a log is counted, named and survived."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from sandbox.evidence import object_of
from tests.cli.audit.conftest import Written
from tests.cli.program import Printed, run
from token_exchange.core.ports import Json
from token_exchange_cli.audit.schema import line_schema

TIME = "2026-10-01T12:00:00.000+00:00"


def line(**changes: Json) -> dict[str, Json]:
    """Return a line of a token that was not verified; None leaves a field out."""
    found: dict[str, Json] = {
        "level": "INFO",
        "message": "exchange",
        "timestamp": TIME,
        "service": "token-exchange",
        "record": "audit",
        "schema": 1,
        "decision": "rejected",
        "reason": "unknown-issuer",
        "status": 401,
        "request_id": "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
        "verified": False,
        "issuer_url": "https://elsewhere.example",
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def verified(tmp_path: Path, *content: bytes | dict[str, Json]) -> Printed:
    log = tmp_path / "log"
    pieces = [piece if isinstance(piece, bytes) else json.dumps(piece).encode() for piece in content]
    log.write_bytes(b"\n".join(pieces) + b"\n")
    return run("audit", "verify", log, "--json")


def test_a_month_is_as_the_schema_says(month: Written) -> None:
    done = run("audit", "verify", month.logs)
    assert (done.status, done.out) == (0, "lines: 2,392, audit lines: 598\nproblems: 0\n")


@pytest.mark.parametrize(
    ("spoiled", "problem"),
    [
        ({"schema": 2}, "schema: does not satisfy the schema's const"),
        ({"timestamp": "yesterday"}, "timestamp: does not satisfy the schema's pattern"),
        ({"timestamp": "2026-10-01T14:00:00.000+02:00"}, "timestamp: does not satisfy the schema's pattern"),
        ({"decision": "allowed"}, "decision: does not satisfy the schema's enum"),
        ({"request_id": None}, "the line: does not satisfy the schema's required"),
        # what is said of a token that no issuer signed
        ({"identity": {"repository": "acme/shop"}}, "the line: does not satisfy the schema's not"),
        ({"decision": "granted"}, "the line: does not satisfy the schema's required"),
        ({"asked": {"registries": "apps"}}, "asked.registries: does not satisfy the schema's type"),
        ({"grants": [{"grant": "x"}]}, "grants[]: does not satisfy the schema's required"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, spoiled: dict[str, Json], problem: str) -> None:
    done = verified(tmp_path, line(), line(**{"request_id": "another", **spoiled}))
    assert done.status == 1
    assert done.fields["problems"] == {problem: 1}


def test_a_line_that_breaks_the_schema_is_invalid(tmp_path: Path) -> None:
    log = tmp_path / "log"
    invalid, whole = json.dumps(line(schema=2)), json.dumps(line(request_id="2"))
    log.write_text(f"{invalid}\n{whole}\n{whole[:150]}\n")
    done = run("audit", "verify", log)
    assert (
        "remark: 1 invalid: schema: does not satisfy the schema's const (first at audit line 1, request 0a1b2c3d"
        in done.err
    )
    assert f"remark: 1 unreadable: not JSON (first at {log}:3)" in done.err


def test_violations_and_damage_are_bounded_apart(tmp_path: Path) -> None:
    names = sorted(object_of(line_schema()["properties"], "properties").keys() - {"record", "timings_ms"})[:30]
    done = verified(tmp_path, *(line(**{name: 2.5}) for name in names), b'{"record":"audit","x":NaN}')
    problems = done.fields["problems"]
    assert isinstance(problems, dict)
    assert len(problems) == 22
    assert problems["other problems"] == 1
    assert sum(count for count in problems.values() if isinstance(count, int)) == 31


def test_nothing_is_left_out_of_the_counts(tmp_path: Path) -> None:
    done = verified(
        tmp_path,
        line(),
        line(),  # delivered twice
        line(request_id="2", schema=7),
        line(request_id="3", timestamp="1999-01-01T00:00:00.000+00:00"),
        line(request_id="4", timestamp="2999-01-01T00:00:00.000+00:00"),
        line(request_id="5", timestamp=None),
        line(request_id="6"),
        line(request_id="6", reason="expired"),
        json.dumps(line()).encode()[:150],
        b'{"record":"audit","unfinished',
        b'{"record":"audit","record":"audit"}',
        b'{"record":"audit"} and more}',
        b"\xff\xfe\x00",
        b'{"record":"audit","x":"\xff"}',
        b"START RequestId: 7",
        b'{"record":"event","event":"policy-loaded"}',
        b"x" * 3_000_000,
    )
    assert done.status == 1
    fields = done.fields
    assert (fields["lines"], fields["other_lines"]) == (17, 2)
    assert {name: fields[name] for name in ("duplicates", "other_schemas", "without_time", "impossible_times")} == {
        "duplicates": 1,
        "other_schemas": 1,
        "without_time": 1,
        "impossible_times": 2,
    }
    assert fields["same_request"] == 2
    problems = fields["problems"]
    assert isinstance(problems, dict)
    assert problems["more than 1048576 bytes"] == 1
    assert problems["not UTF-8"] == 2
    assert problems["not JSON"] == 3
    assert problems["an object has a duplicate member"] == 1


def test_a_file_that_is_cut_off_does_not_end_it(tmp_path: Path) -> None:
    whole, cut = tmp_path / "b.gz", tmp_path / "a.gz"
    whole.write_bytes(gzip.compress(json.dumps(line()).encode() + b"\n"))
    other = gzip.compress("".join(json.dumps(line(request_id=str(n))) + "\n" for n in range(3000)).encode())
    cut.write_bytes(other[: len(other) // 2])
    done = run("audit", "verify", tmp_path, "--json")
    assert done.status == 1
    assert done.fields["problems"] == {"the file is cut off or damaged": 1}
    read = done.fields["audit_lines"]
    assert isinstance(read, int)
    assert 1 < read < 3001


def test_a_file_without_audit_lines_is_unusable(month: Written) -> None:
    done = run("audit", "verify", month.policy)
    assert (done.status, done.out) == (2, "")
    assert "contains no audit line; expected one JSON object per line" in done.err


@pytest.mark.parametrize("package", ["duckdb", "jsonschema_rs"])
def test_a_missing_package_is_named(month: Written, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = run("audit", "verify", month.logs)
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "`token-exchange audit` needs the packages of the extra `audit`: install the checkout or wheel "
        f"with them, as in uv tool install '.[audit]' ({package} is missing)\n"
    )


def test_the_schema_has_every_field_of_the_documents() -> None:
    """What the service writes is checked in tests/service, with each line that they read."""
    page = (Path(__file__).parents[3] / "docs/audit.md").read_text()
    fields = page.partition("## Fields")[2].partition("An object `asked`")[0]
    named = {
        name for row in fields.splitlines() if row.startswith("| `") for name in row.split("|")[1].split("`")[1::2]
    }
    described = object_of(line_schema()["properties"], "properties").keys()
    assert named <= described
    assert described - named == {
        *(f"{name}_left_out" for name in ("considered", "would", "claims", "asked", "grants")),
        "xray_trace_id",
    }

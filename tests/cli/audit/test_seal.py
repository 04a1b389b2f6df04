"""`audit seal`: a line that is removed, added or altered shows, and nothing else does."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.audit.conftest import Written
from tests.cli.program import Printed, run
from token_exchange_cli.audit.sealing import Sealer


@pytest.fixture(scope="module")
def sealed(month: Written, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seals") / "seals"
    done = run("audit", "seal", month.logs, "-o", path)
    assert (done.status, done.out) == (0, "")
    return path


def lines_of(month: Written) -> list[bytes]:
    return [
        line[25:]
        for path in sorted(month.logs.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        if b'"record":"audit"' in line
    ]


def verified(tmp_path: Path, sealed: Path, lines: list[bytes]) -> Printed:
    log = tmp_path / "log"
    log.write_bytes(b"".join(lines))
    return run("audit", "verify", log, "--seal", sealed)


def test_seals_are_a_line_for_each_day(sealed: Path) -> None:
    seals = [json.loads(line) for line in sealed.read_text().splitlines()]
    assert [seal["day"] for seal in seals] == [f"2026-10-{day:02}" for day in range(1, 31)]
    assert sum(seal["lines"] for seal in seals) == 598
    assert len({seal["sha256"] for seal in seals}) == 30


def test_seals_are_a_document_too(month: Written, sealed: Path) -> None:
    done = run("audit", "seal", month.logs, "--json")
    assert done.fields == {"seals": [json.loads(line) for line in sealed.read_text().splitlines()], "unreadable": 0}


def test_order_files_and_repetition_do_not_matter(month: Written, sealed: Path, tmp_path: Path) -> None:
    lines = lines_of(month)
    for changed in (lines, lines[::-1], [*lines, *lines[:50]]):
        assert verified(tmp_path, sealed, changed).status == 0


def test_a_changed_line_names_its_day(month: Written, sealed: Path, tmp_path: Path) -> None:
    lines = lines_of(month)
    index = next(index for index, line in enumerate(lines) if b"mallory" in line)
    altered = lines[index].replace(b"mallory", b"malcolm")
    for changed, said in (
        ([*lines[:index], *lines[index + 1 :]], "20 lines were sealed, 19 were found"),
        ([*lines[:index], altered, *lines[index + 1 :]], "20 lines were sealed, 20 were found; at least one differs"),
        ([*lines, altered], "20 lines were sealed, 21 were found"),
    ):
        done = verified(tmp_path, sealed, changed)
        assert done.status == 1
        days = [line for line in done.out.splitlines() if line.startswith("2026-")]
        assert days == [f"2026-10-19: {said}"]


def test_a_removed_or_added_day_is_named(month: Written, sealed: Path, tmp_path: Path) -> None:
    lines = lines_of(month)
    done = verified(tmp_path, sealed, [line for line in lines if b'"timestamp":"2026-10-19' not in line])
    assert "2026-10-19: 20 lines were sealed, 0 were found\n" in done.out
    without = tmp_path / "seals"
    texts = sealed.read_text().splitlines()
    without.write_text("\n".join(text for text in texts if "2026-10-19" not in text))
    done = verified(tmp_path, without, lines)
    assert done.status == 1
    assert "2026-10-19: no lines were sealed, 20 were found\n" in done.out


def test_a_rewritten_past_does_not_lead_to_the_last_seal(month: Written, sealed: Path, tmp_path: Path) -> None:
    """Sealing what was altered gives another end of the chain."""
    log = tmp_path / "log"
    log.write_bytes(b"".join(line for line in lines_of(month) if b"mallory" not in line))
    again = run("audit", "seal", log).out.splitlines()
    kept = sealed.read_text().splitlines()
    assert again[:18] == kept[:18]
    assert json.loads(again[-1])["lines"] == json.loads(kept[-1])["lines"]
    assert again[-1] != kept[-1]


@given(st.sets(st.binary(min_size=1, max_size=8), min_size=1, max_size=6))
def test_any_other_set_of_lines_is_another_seal(tails: set[bytes]) -> None:
    lines = [b'{"timestamp":"2026-10-01T00:00:00Z"}' + tail for tail in tails]

    def seal(chosen: list[bytes]) -> str:
        sealer = Sealer()
        assert list(sealer.seen(chosen)) == chosen
        return "".join(one.sha256 for one in sealer.seals())

    whole = seal(lines)
    assert seal([*reversed(lines), lines[0]]) == whole
    assert seal(lines[1:]) != whole


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "contains no seal"),
        ("no seal", "not JSON; expected a seal, as `audit seal` writes it"),
        ('{"day": "2026-10-01", "lines": 1, "sha256": "x"}', "expected a seal with day, lines and sha256"),
        ("2\n1", "not a JSON object"),
        (
            "\n".join(json.dumps({"day": f"2026-10-0{day}", "lines": 1, "sha256": "0" * 64}) for day in (2, 1)),
            ":2: the day is not after the previous one",
        ),
    ],
)
def test_a_file_without_seals_is_unusable(month: Written, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "seals"
    path.write_text(content)
    done = run("audit", "verify", month.logs, "--seal", path)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_unreadable_lines_are_not_sealed_but_reported(tmp_path: Path, month: Written) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(lines_of(month)[:3]) + b'{"record":"audit","cut\n')
    done = run("audit", "seal", log)
    assert done.status == 1
    assert "remark: 1 unreadable: not JSON (first at " in done.err
    done = run("audit", "seal", month.policy)
    assert (done.status, done.out) == (2, "")

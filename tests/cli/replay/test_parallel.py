"""A long log is decided on every processor, with the answers of one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.commands.test_policy_diff import DEV, OLD, line, write_log
from tests.cli.program import write_json
from token_exchange.core.ports import Json
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import PolicyInput, read_policy
from token_exchange_cli.logs.lines import LogLine, log_lines, log_parts
from token_exchange_cli.replay.parallel import FIRST_LINES, Decided, decide, decided
from token_exchange_cli.replay.replay import Replay, Tally


@pytest.fixture
def policies(tmp_path: Path) -> tuple[PolicyInput, PolicyInput]:
    old, new = (write_json(tmp_path / name, text) for name, text in (("old", OLD), ("new", DEV)))
    return read_policy(str(old)), read_policy(str(new))


def _tally(found: Sequence[Decided]) -> Tally:
    tally = Tally()
    for one in found:
        tally.add(one.tally)
    return tally


def _log(folder: Path, count: int) -> Path:
    kinds: list[dict[str, Json]] = [line(), line(decision="explained"), line(verified=False), {"record": "event"}]
    records = [{**kinds[number % 4], "request_id": str(number)} for number in range(count)]
    path = write_log(folder / "log", records)
    with path.open("ab") as log:
        log.write(b'{"record":"audit","cut\n')
    return path


def test_many_processes_find_what_one_finds(tmp_path: Path, policies: tuple[PolicyInput, PolicyInput]) -> None:
    path = str(_log(tmp_path, 2400))
    here = list(decided(*policies, log_lines([path])))
    there = list(decided(*policies, log_parts([path]), first_lines=700))
    assert [one for found in there for one in found.differences] == [one for found in here for one in found.differences]
    assert [one for found in there for one in found.problems] == [(2401, "not JSON")]
    assert _tally(there) == _tally(here)
    assert _tally(here).looked_at == 600
    assert sum(found.records for found in there) == 1800
    assert sum(found.lines for found in there) == sum(found.lines for found in here) == 2401


def test_few_lines_start_no_process(
    tmp_path: Path, policies: tuple[PolicyInput, PolicyInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_exchange_cli.replay.parallel.ProcessPoolExecutor", None)
    assert FIRST_LINES > 2401
    assert _tally(list(decided(*policies, log_lines([str(_log(tmp_path, 2400))])))).looked_at == 600


def test_a_file_that_ends_early_ends_all(tmp_path: Path, policies: tuple[PolicyInput, PolicyInput]) -> None:
    lines = log_lines([str(_log(tmp_path, 1200)), str(tmp_path / "missing")])
    with pytest.raises(Unusable, match="missing: no such file"):
        list(decided(*policies, lines, first_lines=500))


def test_causes_are_bounded_when_they_are_added() -> None:
    tally = Tally()
    for number in range(30):
        other = Tally()
        other.undecided(f"cause {number}")
        tally.add(other)
    assert tally.skipped["undecidable"] == tally.undecidable.total() == 30
    assert len(tally.undecidable) == 11


def test_an_invalid_json_line_is_a_problem(policies: tuple[PolicyInput, PolicyInput]) -> None:
    replay = Replay(policies[0].usable(), policies[1].usable())
    lines = [LogLine("log", 7, (b"{", json.dumps(line()).encode())), LogLine("log", 8, problem="cut")]
    found = decide(replay, lines)
    assert [number for number, _ in found.problems] == [7, 8]
    assert (found.tally.looked_at, [one.line for one in found.differences]) == (1, [7])

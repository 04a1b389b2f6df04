"""What is read of logs and of CloudTrail: in chunks, and what cannot be read is counted and named."""

import json
from pathlib import Path

import pytest

from tests.cli.commands.test_policy_diff import line, write_log
from token_exchange_cli.audit import store, trail
from token_exchange_cli.audit.log import audit_log
from token_exchange_cli.audit.store import ChunkLoader, Read, read_lines
from token_exchange_cli.audit.trail import load_trail
from token_exchange_cli.console import Unusable

EVENT = {"eventSource": "ecr.amazonaws.com", "eventName": "PutImage", "eventID": "1", "recipientAccountId": "2"}


def test_chunks_are_loaded_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHUNK_BYTES", 4)
    loaded: list[bytes] = []
    with ChunkLoader(tmp_path, lambda path: loaded.append(path.read_bytes())) as loader:
        for text in (b"aa", b"bb", b"cccc", b"d"):
            loader.add(text)
    assert loaded == [b"aa\nbb\n", b"cccc\n", b"d\n"]


def test_after_an_error_nothing_more_is_loaded(tmp_path: Path) -> None:
    loaded: list[Path] = []

    def fail() -> None:
        with ChunkLoader(tmp_path, loaded.append) as loader:
            loader.add(b"a")
            raise Unusable("the log is gone")

    with pytest.raises(Unusable, match="the log is gone"):
        fail()
    assert loaded == []


def test_an_error_of_loading_is_not_lost(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise Unusable(f"{path.name} is refused")

    with pytest.raises(Unusable, match=r"chunk-0\.ndjson is refused"), ChunkLoader(tmp_path, refuse) as loader:
        loader.add(b"a")


def test_progress_is_shown_at_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PROGRESS_LINES", 2)
    log = write_log(tmp_path / "log", [line()] * 5)
    told: list[str] = []
    assert len(list(read_lines([str(log)], Read(), progress=told.append))) == 5
    assert told == ["2 lines read", "4 lines read"]


def test_an_invalid_json_line_gives_a_remark(tmp_path: Path) -> None:
    whole = json.dumps(line(), separators=(",", ":"))
    log = tmp_path / "log"
    log.write_text(f"{whole}\n" + whole.replace('"status":', '"status"') + "\n")
    with audit_log() as found:
        found.load_lines([str(log)])
        assert [row["request_id"] for row in found.rows("SELECT request_id FROM audit")] == [line()["request_id"]]
        assert found.counts()["problems"] == {"not JSON": 1}


def test_values_of_any_type_become_json() -> None:
    with audit_log() as found:
        (row,) = found.rows(
            "SELECT ['a', NULL] AS list, DATE '2026-10-01' AS day, TIMESTAMP '2026-10-01 12:00:00.5' AS time, 7 AS n"
        )
    assert row == {"list": ["a", None], "day": "2026-10-01", "time": "2026-10-01T12:00:00.500Z", "n": 7}


def _read_trail(path: Path) -> tuple[int, list[str]]:
    with audit_log() as found:
        read = load_trail(found.connection, found.folder, [str(path)], progress=found.tell)
        (row,) = found.rows("SELECT count(*) AS events FROM trail")
    assert isinstance(row["events"], int)
    return row["events"], read.problems


def test_a_file_of_cloudtrail_that_is_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps({"Records": [EVENT]}))
    monkeypatch.setattr(trail, "MAX_OBJECT_BYTES", path.stat().st_size)
    assert _read_trail(path) == (1, [])
    monkeypatch.setattr(trail, "MAX_OBJECT_BYTES", path.stat().st_size - 1)
    assert _read_trail(path) == (0, [f"{path}: more than {path.stat().st_size - 1} bytes"])


def test_events_that_are_not_utf_8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_bytes(json.dumps({"Records": [EVENT]}).encode().replace(b"PutImage", b"Put\xffImage"))
    assert _read_trail(path) == (0, [f"{path}: not UTF-8"])


def test_empty_lines_between_events_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(f"{json.dumps(EVENT)}\n\n  \n{json.dumps({**EVENT, 'eventID': '3'})}\n")
    assert _read_trail(path) == (2, [])


def test_one_event_of_both_accounts_is_two_rows(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps({"Records": [EVENT, EVENT, {**EVENT, "recipientAccountId": "3"}]}))
    assert _read_trail(path) == (2, [])

"""Logs and CloudTrail's files are read in chunks; what cannot be read is counted and named."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.audit.conftest import Written
from tests.cli.commands.test_policy_diff import line, write_log
from tests.cli.program import run
from token_exchange_cli.audit import store, trail
from token_exchange_cli.audit.log import audit_log
from token_exchange_cli.audit.store import ChunkLoader, Read, read_lines
from token_exchange_cli.audit.trail import load_trail
from token_exchange_cli.console import Unusable

EVENT = {"eventSource": "ecr.amazonaws.com", "eventName": "PutImage", "eventID": "1", "recipientAccountId": "2"}


def test_chunks_are_loaded_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHUNK_BYTES", 4)
    loaded: list[tuple[bytes, Sequence[str]]] = []
    with ChunkLoader(tmp_path, lambda path, places: (path.read_bytes(), places), loaded.append) as loader:
        for text in (b"aa", b"bb", b"cccc", b"dddd", b"eeee", b"f"):
            loader.add(text, f"log:{text.decode()}")
    assert loaded == [
        (b"aa\nbb\n", ["log:aa", "log:bb"]),
        (b"cccc\n", ["log:cccc"]),
        (b"dddd\n", ["log:dddd"]),
        (b"eeee\n", ["log:eeee"]),
        (b"f\n", ["log:f"]),
    ]


def test_after_an_error_nothing_more_is_loaded(tmp_path: Path) -> None:
    loaded: list[Path] = []

    def fail() -> None:
        with ChunkLoader(tmp_path, lambda path, _places: path, loaded.append) as loader:
            loader.add(b"a", "log:1")
            raise Unusable("the log is gone")

    with pytest.raises(Unusable, match="the log is gone"):
        fail()
    assert loaded == []


def test_an_error_of_loading_is_not_lost(tmp_path: Path) -> None:
    def refuse(path: Path, _places: Sequence[str]) -> None:
        raise Unusable(f"{path.name} is refused")

    with (
        pytest.raises(Unusable, match=r"chunk-0\.ndjson is refused"),
        ChunkLoader(tmp_path, refuse, print) as loader,
    ):
        loader.add(b"a", "log:1")


def test_progress_is_shown_at_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PROGRESS_LINES", 2)
    log = write_log(tmp_path / "log", [line()] * 5)
    told: list[str] = []
    assert len(list(read_lines([str(log)], Read(), progress=told.append))) == 5
    assert told == ["2 lines read", "4 lines read"]


def test_an_invalid_json_line_gives_a_remark(tmp_path: Path) -> None:
    whole = json.dumps(line(), separators=(",", ":"))
    log = tmp_path / "log"
    half = whole.replace('"reason":"', '"reason":"\\ud800')
    cut = (
        whole[len(whole) // 2 :],
        whole[len(whole) // 4 :],
        whole[-30:].replace("]", ""),
        f'"level":"INFO",{whole[1:]}',
    )
    log.write_text("".join(f"{text}\n" for text in (whole, whole.replace('"status":', '"status"'), half, *cut)))
    with audit_log() as found:
        found.load_lines([str(log)])
        assert [row["request_id"] for row in found.rows("SELECT request_id FROM audit")] == [line()["request_id"]]
        assert found.counts()["problems"] == {"not JSON": 6}
        # What DuckDB cannot read is found last.
        assert found.remarks() == [f"6 unreadable: not JSON (first at {log}:4)"]


def test_text_after_a_line_is_read_too(tmp_path: Path) -> None:
    first, second = (json.dumps(line(request_id=name), separators=(",", ":")) for name in ("1", "2"))
    other = second.replace('"record":"audit"', '"record": "audit"')
    log = tmp_path / "log"
    log.write_text(f'{first}{{"_aws":{{"Timestamp":1}}}}{other}\n')
    with audit_log() as found:
        found.load_lines([str(log)])
        assert found.rows("SELECT request_id FROM audit ORDER BY 1") == [{"request_id": "1"}, {"request_id": "2"}]
        assert found.remarks() == []


def test_only_columns_that_are_asked_for_are_loaded(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [line()])
    with audit_log("SELECT actor AS role_arn FROM logins -- by repository") as found:
        found.load_lines([str(log)])
        (row,) = found.rows("SELECT * FROM logins")
    assert row["actor"] is not None
    assert {"role_arn", "repository", "scope"}.isdisjoint(row)


def test_a_line_with_other_content_is_no_duplicate(tmp_path: Path) -> None:
    record = line()
    log = write_log(tmp_path / "log", [record, record, {**record, "source_ip": "198.51.100.1"}])
    with audit_log() as found:
        found.load_lines([str(log)])
        assert found.remarks() == [
            "1 line delivered more than once, and counted once",
            "2 lines with the request id of another line, but different content",
        ]
        assert len(found.rows("SELECT source_ip FROM audit")) == 2


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
    return row["events"], [*read.problems]


def test_a_file_of_cloudtrail_that_is_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps({"Records": [EVENT]}))
    monkeypatch.setattr(trail, "MAX_OBJECT_BYTES", path.stat().st_size)
    assert _read_trail(path) == (1, [])
    monkeypatch.setattr(trail, "MAX_OBJECT_BYTES", path.stat().st_size - 1)
    assert _read_trail(path) == (0, [f"{path}: more than {path.stat().st_size - 1} bytes"])


def test_of_many_problems_of_cloudtrail_only_some_are_named(month: Written, tmp_path: Path) -> None:
    (tmp_path / "trail").write_text(f"{json.dumps(EVENT)}\n" + '{"eventSource"\n' * 3_000)
    done = run("audit", "trace", "x", month.logs, "--trail", tmp_path)
    assert done.status == 1
    assert [remark for remark in done.err.splitlines() if "trail:" in remark] == [
        f"remark: {tmp_path}/trail:{number}: not JSON" for number in range(2, 22)
    ]
    assert "remark: 2,980 more parts of CloudTrail's files could not be read\n" in done.err


NOT_JSON = "not complete JSON in UTF-8"
NO_LIST = "no list of events in JSON"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (json.dumps({"Records": [EVENT]}).encode().replace(b"PutImage", b"Put\xffImage"), NOT_JSON),
        (json.dumps({"Records": [EVENT, EVENT]}).replace('"PutImage"', "PutImage", 1).encode(), NOT_JSON),
        (json.dumps({"Records": [EVENT]})[:-20].encode() + b"}", NOT_JSON),
        (json.dumps({"Records": [EVENT, EVENT]}).replace("}, {", "} {").encode(), NOT_JSON),
        (json.dumps({"Records": [EVENT]}).encode() + b"}", NOT_JSON),
        (f'{{"Records": {"[" * 100_000}{"]" * 100_000}}}'.encode(), NOT_JSON),
        (json.dumps({"Records": [{**EVENT, "userAgent": "x"}]}).replace('"x"', '"\\ud800"').encode(), NOT_JSON),
        (json.dumps({"Records": {"0": EVENT}}).encode(), NO_LIST),
        (json.dumps({"Records": {"Records": [EVENT]}}).encode(), NO_LIST),
    ],
)
def test_a_file_that_is_no_list_of_events_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "trail" / "events.json"
    path.parent.mkdir()
    path.write_bytes(content)
    assert _read_trail(path) == (0, [f"{path}: {problem}"])
    with audit_log() as found, pytest.raises(Unusable, match=rf"{problem}\n.*contains no event"):
        found.load_trail([str(path)])
    (path.parent / "other.json").write_text(json.dumps({"Records": [EVENT, None, {}]}))
    with audit_log() as found:
        found.load_trail([str(path.parent)])
        assert found.remarks() == [f"{path}: {problem}", "2 entries of CloudTrail's files are not events"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"Records": [EVENT]}, indent="\t").replace("\n", "\r\n"),
        json.dumps({"region": "x", "Records": [EVENT], "more": [{"Records": [1]}]}),
        json.dumps({"Records": [{**EVENT, "userAgent": '}, {"Records": ['}]}),
        json.dumps({"Records": [{**EVENT, "userAgent": "\U0001f980"}]}),
        json.dumps({"Records": [{**EVENT, "userAgent": "\U0001f980"}]}, ensure_ascii=False),
        json.dumps({"Records": [{**EVENT, "more": 0}]}).replace("0", "[" * 200 + "]" * 200),
    ],
)
def test_an_event_is_read_however_it_is_written(tmp_path: Path, content: str) -> None:
    path = tmp_path / "events.json"
    path.write_text(content, newline="")
    assert _read_trail(path) == (1, [])


def test_an_empty_list_of_events_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('{"Records": [ ]}')
    assert _read_trail(path) == (0, [])


def test_events_that_differ_are_not_one(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    pull = {**EVENT, "eventName": "BatchGetImage", "requestParameters": {"imageIds": [{"imageTag": "v1"}]}}
    path.write_text(json.dumps({"Records": [pull, pull, {**pull, "sourceIPAddress": "198.51.100.1"}]}))
    assert _read_trail(path) == (2, [])
    with audit_log() as found:
        found.load_trail([str(path)])
        assert found.rows("SELECT image_tag FROM pulled") == [{"image_tag": "v1"}]


def test_empty_lines_between_events_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(f"{json.dumps(EVENT)}\n\n  \n{json.dumps({**EVENT, 'eventID': '3'})}\n")
    assert _read_trail(path) == (2, [])


def test_one_event_of_both_accounts_is_two_rows(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps({"Records": [EVENT, EVENT, {**EVENT, "recipientAccountId": "3"}]}))
    assert _read_trail(path) == (2, [])


@pytest.mark.parametrize("blocks", [1, 100])
def test_a_full_temporary_folder_is_said(month: Written, tmp_path: Path, blocks: int) -> None:
    # A limit on the size of files is what a full disk is for a program: a block has 1024 bytes.
    command = f'ulimit -f {blocks}; exec "$0" audit report "$1"'
    program = Path(sys.executable).with_name("token-exchange")
    done = subprocess.run(
        ["bash", "-c", command, program, month.logs],
        # The limit would cut off what Python compiles, too, and break the modules for every later process.
        env={"TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}: no room for the database of this log; set TMPDIR to a folder with more space\n"
    assert list(tmp_path.iterdir()) == []

"""Audit lines in whatever wraps them, of any size, and nothing lost without a word."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.ports import Json
from token_exchange_cli.console import Unusable
from token_exchange_cli.logs.files import files_of
from token_exchange_cli.logs.lines import MAX_LINE_BYTES, Block, LogLine, log_lines, log_parts

RECORD: dict[str, Json] = {
    "level": "INFO",
    "record": "audit",
    "schema": 1,
    "request_id": "7",
    "user_agent": 'a "b" é \\',
}
LINE = json.dumps(RECORD, separators=(",", ":"))
OTHER = json.dumps({**RECORD, "request_id": "8"})


def read(path: Path, content: bytes | str) -> list[LogLine]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(log_lines([str(path)]))


def records(lines: list[LogLine]) -> list[Json]:
    return [json.loads(text) for line in lines for text in line.audit]


def subscription(*messages: str) -> str:
    events: Json = [{"id": str(number), "timestamp": 1, "message": text} for number, text in enumerate(messages)]
    return json.dumps({"messageType": "DATA_MESSAGE", "logGroup": "x", "logEvents": events})


CONTROL = json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL CONTROL MESSAGE"}]})


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        f"2026-10-01T12:00:00.000Z {LINE}\n",
        # aws logs tail
        f"2026-10-01T12:00:00.000000+00:00 2026/10/01/[$LATEST]0f {LINE}\n",
        # aws logs get-log-events --output text
        f"EVENTS\t38123\t1700000000000\t{LINE}\t2026/10/01/[$LATEST]0f\t1700000000000\n",
        # aws logs filter-log-events, with the line break that Lambda logs
        json.dumps({"events": [{"message": f"{LINE}\n", "eventId": "3"}], "searchedLogStreams": []}, indent=4),
        json.dumps({"events": [{"message": f"{LINE}\n"}]}),
        # aws logs get-query-results
        json.dumps({"results": [[{"field": "@message", "value": LINE}]], "status": "Complete"}, indent=4),
        # Firehose: subscriptions one after the other, and what it compressed again
        CONTROL + subscription("START RequestId: 7", LINE) + CONTROL,
        gzip.compress(subscription(LINE).encode()),
        gzip.compress(gzip.compress(subscription(LINE).encode()) + gzip.compress(CONTROL.encode())),
        # an object within an object, and a record that a program has written again
        json.dumps({"message": subscription(LINE)}),
        json.dumps({"message": json.dumps(RECORD, indent=2)}),
    ],
    ids=range(12),
)
def test_a_line_is_found_in_every_form(tmp_path: Path, content: bytes | str) -> None:
    lines = read(tmp_path / "log", content)
    assert records(lines) == [RECORD]
    assert [line.problem for line in lines if line.problem] == []


def test_lines_of_a_folder_are_in_the_order_of_its_files(tmp_path: Path) -> None:
    for name, text in (("b/2.gz", LINE), ("a", OTHER), ("b/1", OTHER)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    found = list(log_lines([str(tmp_path)]))
    assert [Path(line.file).relative_to(tmp_path).as_posix() for line in found] == ["a", "b/1", "b/2.gz"]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (LINE[:90], ["not JSON"]),
        (LINE[:20], ["not JSON"]),
        (f"2026-10-01T12:00:00.000Z {LINE[:-1]}", ["not JSON"]),
        (subscription(LINE)[:-3], ["not JSON"]),
        (b"\xff" + LINE.encode(), [None]),
        (LINE.encode()[:-1] + b"\xff}", ["not UTF-8"]),
        (json.dumps(RECORD, indent=1), [None, None, "not JSON: a record is expected on one line", *[None] * 4]),
        # lines that are no one's
        ("START RequestId: 7\n\n[INFO] x\n", [None, None, None]),
        ('{"_aws": {}}\n{"record": "event"}', [None, None]),
    ],
)
def test_input_that_may_hide_a_line_is_a_problem(
    tmp_path: Path, content: bytes | str, problems: list[str | None]
) -> None:
    assert [line.problem for line in read(tmp_path / "log", content)] == problems


def test_a_line_within_a_value_is_not_doubled(tmp_path: Path) -> None:
    spoof = json.dumps({**RECORD, "user_agent": LINE})
    assert records(read(tmp_path / "log", spoof)) == [json.loads(spoof)]
    inner = json.dumps({"record": "event", "event": "x", "text": LINE})
    assert records(read(tmp_path / "log", inner)) == []


def _endless(count: int) -> Iterator[bytes]:
    yield b'{"x":"'
    for _ in range(count):
        yield b"x" * 65_536
    yield b'"}\n'


def test_a_line_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log:
        log.writelines(_endless(300))
        # As Firehose writes them: objects in one line, longer than any object may be.
        log.writelines(subscription(LINE, OTHER).encode() for _ in range(8000))
        log.write(f"\n{LINE}\n".encode())
    size = path.stat().st_size
    tracemalloc.start()
    try:
        found = count = 0
        for line in log_lines([str(path)]):
            found += len(line.audit)
            count += line.problem == f"more than {MAX_LINE_BYTES} bytes"
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found, count) == (16_001, 1)
    assert size > 20 * MAX_LINE_BYTES
    assert peak_bytes < 20 * MAX_LINE_BYTES


def test_a_file_in_a_folder_is_never_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_text(LINE)
    assert records(list(log_lines(["."]))) == [RECORD]


@pytest.mark.parametrize("name", ["missing", "empty", "nul\x00"])
def test_an_unopenable_file_is_unusable(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unusable):
        list(log_lines([f"{tmp_path}/{name}"]))


def test_a_folder_that_vanishes_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(LINE)
    (tmp_path / "below").mkdir()
    files = files_of([str(tmp_path)])
    assert next(files) == f"{tmp_path}/a"
    (tmp_path / "below").rmdir()
    with pytest.raises(Unusable, match="below: no such file or directory"):
        next(files)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("é is text", None),
        ("{é", "not JSON"),
        (b"caf\xe9", "not UTF-8"),
    ],
)
def test_other_text_is_a_problem_only_if_it_may_hide_a_line(
    tmp_path: Path, text: str | bytes, problem: str | None
) -> None:
    (line,) = read(tmp_path / "log", text)
    assert (line.audit, line.problem) == ((), problem)


def test_a_line_wrapped_too_often_is_not_looked_for(tmp_path: Path) -> None:
    def wrapped(times: int) -> str:
        text = LINE
        for _ in range(times):
            text = json.dumps({"message": text})
        return text

    found = [len(records(read(tmp_path / "log", wrapped(times)))) for times in range(12)]
    assert found[:2] == [1, 1]
    assert found[-1] == 0
    assert found == sorted(found, reverse=True)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([LINE.encode(), OTHER.encode()]), max_size=6))
def test_any_bytes_are_lines_in_order(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    # A mark of gzip at the start, and a line break within a piece, are other tests'.
    pieces = [piece.replace(b"\x1f\x8b", b"").replace(b"\n", b"") for piece in pieces]
    lines = read(tmp_path_factory.mktemp("any") / "log", b"\n".join(pieces))
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    whole = [piece for piece in pieces if piece in (LINE.encode(), OTHER.encode())]
    assert [text for line in lines for text in line.audit] == whole


def _blocks(path: Path) -> list[Block]:
    return [part for part in log_parts([str(path)]) if isinstance(part, Block)]


def test_a_block_of_a_plain_file_is_read_where_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(
        "".join(f"{LINE}{' ' * number}\n" for number in range(900)) + "x" * 2 * MAX_LINE_BYTES + f"\n{LINE}"
    )
    # Only the end of a file may have no line break, so it is kept.
    assert [block.text for block in _blocks(path)][-2:] == [None, LINE.encode()]
    parts = log_parts([str(path)])
    lines = [line for part in parts for line in (part.lines() if isinstance(part, Block) else [part])]
    assert lines == list(log_lines([str(path)]))
    assert len(lines) == 902


def test_what_another_process_cannot_read_goes_there_as_text(tmp_path: Path) -> None:
    plain, link, packed = (tmp_path / name for name in ("plain", "link", "packed"))
    plain.write_text(f"{LINE}\n")
    link.symlink_to(plain)
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    texts = [block.text for path in (plain, link, packed) for block in _blocks(path)]
    assert texts == [None, plain.read_bytes(), plain.read_bytes()]


def test_a_file_that_shrinks_while_it_is_read_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{LINE}\n")
    (block,) = _blocks(path)
    path.write_text("")
    with pytest.raises(Unusable, match="log: was truncated while it was read"):
        list(block.lines())

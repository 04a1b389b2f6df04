"""The handler with a compiled policy: it answers as with the source, takes a new one, and uses no damaged one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.front import Front, Log
from token_exchange_cli.compilation import compiled_form
from token_exchange_cli.inputs import read_policy

type StartChanged = Callable[[dict[str, str]], Front]
type ReadLog = Callable[[], Log]


@pytest.fixture
def source(environment: dict[str, str]) -> Path:
    return Path(environment["TOKEN_EXCHANGE_POLICY"].removeprefix("file:"))


def write_compiled(source: Path, path: Path) -> Path:
    given = read_policy(str(source))
    partial = path.with_suffix(".partial")
    partial.write_bytes(compiled_form(given.document, given.load()))
    return partial.replace(path)


def test_answers_and_records_are_those_of_the_source(
    front: Front, changed: StartChanged, source: Path, tmp_path: Path, log: ReadLog
) -> None:
    compiled = write_compiled(source, tmp_path / "policy.compiled")
    same = changed({"TOKEN_EXCHANGE_POLICY": f"file:{compiled}"})
    same.send(same.token(), "registry=apps")
    log()
    for token, wanted in ((front.token(), "registry=apps"), (front.token(ref="refs/heads/x"), "registry=apps")):
        answers = [one.send(token, wanted) for one in (front, same)]
        assert answers[0].status == answers[1].status
        records = [
            {key: line.get(key) for key in ("decision", "reason", "considered", "policy_sha256", "claims")}
            for line in log().audit
        ]
        assert records[0] == records[1]
        assert records[0]["policy_sha256"]


def test_a_new_compiled_policy_is_taken_an_unchanged_one_kept(
    changed: StartChanged, source: Path, tmp_path: Path, log: ReadLog
) -> None:
    path = write_compiled(source, tmp_path / "policy.compiled")
    front = changed({"TOKEN_EXCHANGE_POLICY": f"file:{path}", "TOKEN_EXCHANGE_POLICY_MAX_AGE": "0"})
    for _ in range(2):
        assert front.send(front.token(), "registry=apps").status == 200
    assert loads(log()) == 1
    text = source.read_text().replace(
        'kill-switch-4711, match: {repository_id: "70010666"}', "all, match: {branch: main}"
    )
    closed = source.with_name("closed.yaml")
    closed.write_text(text)
    write_compiled(closed, path)
    assert front.send(front.token(), "registry=apps").reason == "denied"
    assert loads(log()) == 1


def loads(log: Log) -> int:
    return sum(line["event"] == "policy-loaded" for line in log.events)


def test_a_damaged_one_is_not_used_and_the_good_one_stays(
    changed: StartChanged, source: Path, tmp_path: Path, log: ReadLog
) -> None:
    path = write_compiled(source, tmp_path / "policy.compiled")
    front = changed({"TOKEN_EXCHANGE_POLICY": f"file:{path}", "TOKEN_EXCHANGE_POLICY_MAX_AGE": "0"})
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:200] + b"x" + whole[201:], b"version: 2"):
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").replace(path)
        log()
        assert front.send(front.token(), "registry=apps").status == 200
        assert [line["event"] for line in log().events if "policy" in str(line["event"])] == ["policy-not-loaded"]


def test_a_file_altered_in_place_grants_nothing(changed: StartChanged, source: Path, tmp_path: Path) -> None:
    path = write_compiled(source, tmp_path / "policy.compiled")
    front = changed({"TOKEN_EXCHANGE_POLICY": f"file:{path}"})
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(b'"own-images"'))
        file.write(b'"own-imagez"')
    front.backends.aws.forget_requests()
    answer = front.send(front.token(), "registry=apps")
    assert (answer.status, answer.reason) == (503, "policy-unavailable")
    assert front.backends.aws.requests("sts:AssumeRole") == []

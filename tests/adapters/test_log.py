import json
import logging

import pytest

from token_exchange.adapters.log import cleaned_traceback, logger_for, quiet_libraries, serialized, write_to_stderr


class Surprise:
    def __repr__(self) -> str:
        raise AssertionError("its text is not to be used")


def test_a_line_is_one_line_of_printable_ascii() -> None:
    line = serialized({"a": "\n\r\x00\x1b\x7f\u2028\u202eé\U0001f4a3", "b": {"c": ['"}\n{"']}})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"a": "\n\r\x00\x1b\x7f\u2028\u202eé\U0001f4a3", "b": {"c": ['"}\n{"']}}


def test_an_unwritable_line_loses_only_itself() -> None:
    line = serialized({"a": Surprise(), "b": {1, 2}, "c": b"x", "d": "kept", "e": {("not", "a name"): 1, "f": 2}})
    assert json.loads(line) == {"a": "<Surprise>", "b": "<set>", "c": "<bytes>", "d": "kept", "e": {"f": 2}}


def test_half_of_a_surrogate_pair_is_written_all_the_same() -> None:
    assert serialized({"a": "\ud800"}) == '{"a":"\\ud800"}'


@pytest.mark.parametrize("name", ["aws_lambda_powertools", "botocore", "jwt", "urllib3", "botocore.parsers"])
def test_libraries_are_quiet_at_any_level_of_the_root(name: str) -> None:
    quiet_libraries()
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    finally:
        root.setLevel(before)


def test_a_logger_is_the_processs_and_made_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert logger_for("test-of-log-lines", level="INFO") is logger_for("test-of-log-lines", level="INFO")
    logger_for("test-of-log-lines", level="INFO").info("event", extra={"record": "event"})
    (line,) = capsys.readouterr().out.splitlines()
    fields = json.loads(line)
    assert (fields["service"], fields["level"], fields["record"]) == ("token-exchange", "INFO", "event")


def test_a_failed_line_goes_to_standard_error_or_nowhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_to_stderr({"event": "internal-error"})
    assert capsys.readouterr().err == '{"event":"internal-error"}\n'

    class Closed:
        def write(self, text: str) -> int:
            raise ValueError("I/O operation on closed file")

    monkeypatch.setattr("sys.stderr", Closed())
    write_to_stderr({"event": "internal-error"})


def test_a_traceback_says_where_and_not_which_secret() -> None:
    secret = "k" * 40

    def fail() -> None:
        raise RuntimeError(secret) from ValueError(f"Authorization: Bearer {secret[:9]}")

    with pytest.raises(RuntimeError) as error:
        fail()
    text = cleaned_traceback(error.value)
    # Not the whole name: a path can be cut where its beginning is as long as a secret key, and looks like one.
    assert "test_log.py" in text
    assert secret[:9] not in text

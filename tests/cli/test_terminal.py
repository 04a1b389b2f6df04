"""Colour only on a terminal, never with NO_COLOR; and no token value reaches a terminal as a control code."""

import io
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import override

import pytest

from tests.ci_claims import github_claims
from tests.cli.program import run, write_json, write_policy
from tests.cli.test_main import PROGRAM
from tests.loading.documents import grant
from token_exchange_cli.terminal import waiting

NASTY = "main\x1b[31m\r\n\x07\u202e\x7f[red]:boom:"


def _on_a_terminal(arguments: list[str | Path], **environment: str) -> bytes:
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with os.fdopen(ours, "rb", buffering=0) as screen:
        done = subprocess.run(
            [PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**kept, "TERM": "xterm", **environment},
            check=False,
            timeout=60,
        )
        os.close(theirs)
        assert done.returncode == 1
        seen = b""
        try:
            while read := screen.read(65536):
                seen += read
        except OSError:  # the other end is closed, and everything is read
            return seen
        return seen


@pytest.fixture
def denied(tmp_path: Path) -> list[str | Path]:
    policy = write_policy(tmp_path, grant(match={"branch": "main"}))
    claims = write_json(tmp_path / "claims.json", github_claims(ref="refs/heads/x"))
    return ["policy", "explain", policy, "--claims", claims, "--issuer", "github"]


def test_only_terminals_get_colour(denied: list[str | Path]) -> None:
    assert b"\x1b[" in _on_a_terminal(denied)


@pytest.mark.parametrize("value", ["1", ""])
def test_no_color_is_respected_on_a_terminal(denied: list[str | Path], value: str) -> None:
    assert b"\x1b" not in _on_a_terminal(denied, NO_COLOR=value, FORCE_COLOR="1")


def test_a_file_gets_no_colour_whatever_the_environment_says(denied: list[str | Path]) -> None:
    for environment in ({"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}, {"CLICOLOR_FORCE": "1"}):
        assert "\x1b" not in run(*denied, environment=environment).out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_token_values_cannot_be_markup_or_control_codes(tmp_path: Path, form: list[str]) -> None:
    policy = write_policy(
        tmp_path, grant(match={"branch": "main", "event": "push"}, claims={"base_ref": {"exists": False}})
    )
    claims = write_json(
        tmp_path / "claims.json",
        github_claims(ref=f"refs/heads/{NASTY}", event_name=NASTY, actor=NASTY, workflow=NASTY, base_ref=NASTY),
    )
    done = run("policy", "explain", policy, "--claims", claims, "--issuer", "github", *form)
    assert done.status == 1
    printed = done.out + done.err
    assert printed.isascii()
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert "[red]:boom:" in printed


def test_file_names_in_messages_are_printable(tmp_path: Path) -> None:
    path = tmp_path / "policy\u202e.yaml"
    path.write_text('version: 1\n"gr\\u202eants": []\n# \u00e9\n', "utf-8")
    done = run("policy", "explain", path, "--claims", "-")
    assert done.status == 2
    assert "unknown key" in done.err
    assert all(character.isprintable() or character == "\n" for character in done.err)


class _Terminal(io.StringIO):
    """A terminal that says when a text is on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.has_it = threading.Event()

    @override
    def isatty(self) -> bool:
        return True

    @override
    def write(self, text: str, /) -> int:
        written = super().write(text)
        if self._text in self.getvalue():
            self.has_it.set()
        return written


def test_what_takes_long_is_named_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal("checking policy.yaml")
    monkeypatch.setattr(sys, "stderr", terminal)
    with waiting("checking policy.yaml", after_seconds=0):
        assert terminal.has_it.wait(30)


def test_what_is_quick_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal("checking")
    monkeypatch.setattr(sys, "stderr", terminal)
    with waiting("checking policy.yaml", after_seconds=60):
        pass
    assert terminal.getvalue() == ""


def test_nothing_is_named_where_no_one_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with waiting("checking policy.yaml", after_seconds=0):
        pass
    assert log.getvalue() == ""

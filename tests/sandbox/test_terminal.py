import io
import sys

import pytest

from sandbox.terminal import Terminal


@pytest.mark.parametrize(
    ("is_terminal", "variables", "colored"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_only_a_terminal_without_no_color_has_escape_codes(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,  # noqa: FBT001 - a column
    variables: dict[str, str],
    colored: bool,  # noqa: FBT001 - a column
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    terminal.heading("a heading")
    terminal.line("label", "value")
    terminal.passed("a check")
    terminal.command("true")
    assert ("\x1b[" in capsys.readouterr().out) == colored


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[bold]:warning: [link=https://x.example]y[/]", "[bold]:warning: [link=https://x.example]y[/]"),
        ("\x1b[2J\x1b]0;title\x07\r", r"\x1b[2J\x1b]0;title\x07\r"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("x" * 500, "x" * 500),
    ],
)
def test_hostile_text_is_printed_as_text(capsys: pytest.CaptureFixture[str], text: str, shown: str) -> None:
    Terminal().line("says", text)
    assert capsys.readouterr().out == f"  says           {shown}\n"


@pytest.mark.parametrize(("encoding", "mark"), [("ascii", "ok"), ("latin-1", "ok"), ("utf-8", "✓")])
def test_the_check_mark_fits_the_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str, mark: str) -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)
    Terminal().passed("a check")
    output.seek(0)
    assert output.read() == f"  {mark} a check\n"

"""Standard streams that are closed or full: a sentence and a status, never silence and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PROGRAM = Path(sys.executable).with_name("token-exchange")
EXAMPLES = ROOT / "docs/examples"

WITH_AN_ANSWER = [
    # by rich, as JSON, as text, and by click
    "policy explain policy.yaml --claims claims.json",
    "policy who policy.yaml --registry apps --json",
    "policy lint policy.yaml --json",
    "roles policy.yaml",
    "policy --help",
]
FULL = "/dev/full"
needs_dev_full = pytest.mark.skipif(not os.path.exists(FULL), reason=f"{FULL} is of Linux")  # noqa: PTH110 - a device


def ended(command: str, redirection: str, folder: Path) -> tuple[int, str, str]:
    """Return status, output and messages of the installed program under a shell's redirection."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirection}', PROGRAM, *command.split()],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the examples, in a folder of the tests' own."""
    path = tmp_path_factory.mktemp("examples")
    for example in EXAMPLES.iterdir():
        (path / example.name).symlink_to(example)
    return path


@pytest.mark.parametrize("command", WITH_AN_ANSWER)
def test_closed_standard_output_is_reported(folder: Path, command: str) -> None:
    assert ended(command, ">&-", folder) == (2, "", "cannot write to standard output: it is closed\n")


@needs_dev_full
@pytest.mark.parametrize("command", WITH_AN_ANSWER)
def test_full_disk_is_reported(folder: Path, command: str) -> None:
    status, _, messages = ended(command, f">{FULL}", folder)
    assert status == 2
    assert messages.splitlines()[-1] == "cannot write to standard output: no space left on device"
    assert "Traceback" not in messages
    assert "Exception ignored" not in messages


@needs_dev_full
@pytest.mark.parametrize("redirection", [f">{FULL} 2>{FULL}", ">&- 2>&-", f">&- 2>{FULL}"])
def test_exit_status_is_right_when_nothing_can_be_written(folder: Path, redirection: str) -> None:
    assert ended("--help", redirection, folder) == (2, "", "")


@needs_dev_full
@pytest.mark.parametrize("redirection", [f"2>{FULL}", "2>&-"])
def test_an_answer_does_not_depend_on_remarks(folder: Path, redirection: str) -> None:
    status, answer, _ = ended("policy import trust-policy.json --json", redirection, folder)
    assert (status, answer[0]) == (0, "{")
    assert ended("policy nonsense", redirection, folder)[0] == 2


@pytest.mark.parametrize("command", ["policy lint -", "token inspect", "policy diff policy.yaml policy.yaml --audit -"])
def test_closed_standard_input_is_reported(folder: Path, command: str) -> None:
    status, _, messages = ended(command, "<&-", folder)
    assert (status, messages) == (2, "cannot read standard input: it is closed\n")


def test_waiting_on_a_terminal_prints_a_remark(folder: Path) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [PROGRAM, "token", "inspect"], cwd=folder, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as program:
        assert program.stderr is not None
        assert program.stderr.readline() == b"remark: reading standard input; press Ctrl-D to end it\n"
        os.write(ours, b"\x04")
        assert program.stderr.read() == b"standard input: empty; expected a token\n"
    os.close(ours)
    os.close(theirs)


def test_closed_pipe_ends_silently(folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" policy schema | head -c 1', PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.parametrize(("command", "expected"), [("--help", 2), ("policy schema", 2), ("policy nonsense", 2)])
def test_closed_pipe_and_closed_errors_keep_the_exit_status(folder: Path, command: str, expected: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" 2>&-', PROGRAM, *command.split()],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert done.returncode == expected

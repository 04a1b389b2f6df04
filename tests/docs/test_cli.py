"""The command lines of the documents, run for real: what they print, and what they end with."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.cli.program import run
from tests.docs.pages import ROOT, blocks, page, pages
from tests.fake_issuer import FakeIssuer
from token_exchange_cli.main import LazyGroup, main


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One command of a document, and what stands below it."""

    page: str
    command: str
    printed: str
    status: int


def _sessions() -> list[Session]:
    return [
        Session(page=found.name, command=command, printed=printed, status=int(block.use or 0))
        for found in pages()
        for block in found.blocks
        if block.language == "console"
        for command, printed in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
    ]


@pytest.fixture(scope="session")
def october(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the month of the examples, as the documents say."""
    folder = tmp_path_factory.mktemp("month") / "october"
    command = [sys.executable, "-m", "sandbox", "month", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    return folder


@pytest.fixture
def examples(tmp_path: Path, october: Path) -> Path:
    """Copy the documents' examples, and lay a token with the claims among them beside these, and a month of logs."""
    folder = Path(shutil.copytree(ROOT / "docs/examples", tmp_path / "examples"))
    (folder / "october").symlink_to(october)
    issuer = FakeIssuer("https://token.actions.githubusercontent.com")
    claims = {**json.loads((folder / "claims.json").read_text()), "iat": 1_795_236_905, "exp": 1_795_237_205}
    (folder / "token.jwt").write_text(issuer.token(**claims, nbf=None))
    return folder


@pytest.mark.parametrize("session", _sessions(), ids=lambda session: session.command)
def test_every_session_gives_the_shown_output(
    examples: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(examples)
    run_session = _in_a_shell if re.search(r"[|<>&]", session.command) else _in_this_process
    status, printed = run_session(session.command)
    # How long ago something was is another figure each time.
    assert re.sub(r"(expires_in_seconds +)-?[0-9]+", r"\1…", printed) == session.printed
    assert status == session.status


def _in_this_process(command: str) -> tuple[int, str]:
    program, *arguments = shlex.split(command)
    assert program == "token-exchange"
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def _in_a_shell(command: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_tests_in_the_documents_are_read_and_pass(examples: Path) -> None:
    for number, (_, text) in enumerate(blocks("yaml", "policy-tests")):
        (examples / f"{number}.yaml").write_text(text)
        done = run("policy", "test", examples / "policy.yaml", examples / f"{number}.yaml")
        assert (done.status, done.err) == (0, ""), done.out


def _commands() -> set[str]:
    groups = [group for group in main.commands.values() if isinstance(group, LazyGroup)]
    alone = {name for name, command in main.commands.items() if not isinstance(command, LazyGroup)}
    return {f"{group.name} {name}" for group in groups for name in group.list_commands(click.Context(group))} | alone


def test_every_command_has_a_section_with_an_example() -> None:
    found = page("docs/cli.md")
    documented = {title.strip("`") for _, title in found.headings if title.startswith("`")}
    assert documented == _commands()
    for command in documented:
        assert f"token-exchange {command}" in found.section(f"`{command}`")

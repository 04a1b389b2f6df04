"""The commands and documents of `docs/operations.md`, as an operator would copy them."""

import json
import re
import shlex
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "operations.md"
AWS_CLI: Final = ROOT / ".tools" / "aws-cli" / "bin" / "aws"
_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_COMMAND_SECONDS: Final = 60


class DrillFailed(Exception):
    """The runbook did not work; the message says where."""


def section(title: str) -> str:
    """Return the text of the page's section with this title."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise DrillFailed(f"{PAGE.name} has no section {title}")
    return found[2]


def commands(title: str, beginning: str) -> list[str]:
    """Return the commands of a section that begin like this, each on one line, in their order."""
    return [
        line.strip()
        for info, text in _blocks(section(title))
        if info == "bash"
        for line in text.replace("\\\n", " ").splitlines()
        if line.strip().startswith(beginning)
    ]


def command(title: str, beginning: str) -> str:
    """Return the one command of a section that begins like this, on one line."""
    found = commands(title, beginning)
    if len(found) != 1:
        raise DrillFailed(f"{PAGE.name}, {title}: expected one command {beginning!r}, found {len(found)}")
    return found[0]


def document(title: str, use: str) -> str:
    """Return the JSON document of a section that is marked like this."""
    found = [text for info, text in _blocks(section(title)) if info == f"json {use}"]
    if len(found) != 1:
        raise DrillFailed(f"{PAGE.name}, {title}: expected one document {use!r}, found {len(found)}")
    json.loads(found[0])
    return found[0]


def _blocks(text: str) -> Sequence[tuple[str, str]]:
    return [(found["info"], textwrap.dedent(found["text"])) for found in _FENCE.finditer(text)]


class Shell:
    """Runs the page's commands with the AWS CLI, in a folder, with the values of its placeholders."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str]) -> None:
        if not AWS_CLI.exists():
            raise DrillFailed("the AWS CLI is missing; run `make ci-systems`")
        self.folder = folder
        self._environment = dict(environment)

    def write(self, name: str, content: str) -> None:
        """Write a file that a command reads."""
        (self.folder / name).write_text(content)

    def run(self, line: str, **placeholders: str) -> str:
        """Run one command with its placeholders, which are words in capitals; return what it printed.

        What a command writes into a file with `>` is there for the next one.

        Raises:
            DrillFailed: it failed.
        """
        command, _, into = line.partition(" > ")
        words = [placeholders.get(word, word) for word in shlex.split(command)]
        if words[0] != "aws":
            raise DrillFailed(f"not a command of the AWS CLI: {line}")
        done = subprocess.run(
            [str(AWS_CLI), *words[1:]],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        # The AWS CLI succeeds in invoking a function that fails.
        if done.returncode != 0 or '"FunctionError"' in done.stdout:
            raise DrillFailed(f"{line}: {done.stderr.strip() or done.stdout}")
        if into:
            self.write(into, done.stdout)
        return done.stdout

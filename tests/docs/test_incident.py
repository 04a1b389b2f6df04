"""An incident in a company of 500 teams: the commands of docs/audit.md, followed as they stand there, find it."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from sandbox.month.month import Month, write_month
from tests.cli.program import run
from tests.docs.pages import page

EXCHANGES = int(os.environ.get("MONTH_EXCHANGES", "1500"))
"""The same test passes for a million, in minutes."""


def _commands() -> dict[str, list[str]]:
    """Return the arguments of each command of the page by its name, without what a shell does with the output."""
    text = page("docs/audit.md").section("Questions about a log")
    found = re.findall(r"^\$ token-exchange (audit (\w+) .*?)(?: > .*)?$", text, re.MULTILINE)
    return {name: shlex.split(command) for command, name in found}


@pytest.mark.program("git")
def test_following_the_page_finds_the_leak_and_what_refuses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "october"
    folder.mkdir()
    planted = write_month(folder, Month(exchanges=EXCHANGES, teams=500))
    monkeypatch.chdir(tmp_path)
    commands = _commands()
    assert [*commands] == ["trace", "reconcile", "tighten"]

    # Who pushed the image, which grant let them, and what else did they do?
    traced = run(*commands["trace"])
    assert traced.status == 0
    assert re.findall(r"^login .* request (.+)$", traced.out, re.MULTILINE) == [planted.leaked]
    assert f"pushed shared/tools:v9 {planted.digest} " in traced.out
    for said in ("acme/intern-playground at refs/heads/try-it", "by mallory", "grant shared-tools: push apps"):
        assert said in traced.out
    assert re.findall(r"Z (BatchGetImage|PutImage) (\S+)", traced.out) == [
        ("BatchGetImage", "shared/tools:v8"),
        ("PutImage", "shared/tools:v9"),
    ]

    # Which lines are missing?
    reconciled = run(*commands["reconcile"])
    assert reconciled.status == 1
    assert {*re.findall(r"STS request (.+)", reconciled.out)} == {planted.lost, planted.foreign}
    assert re.findall(r"^no event .* request (.+)$", reconciled.out, re.MULTILINE) == [planted.unwitnessed]

    # What policy would have refused it without breaking anyone else?
    tightened = run(*commands["tighten"])
    assert tightened.status == 0
    (folder / "new.json").write_bytes((folder / "policy.json").read_bytes())
    diff = tightened.out.replace("policy.json", "new.json")
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, text=True, check=True)
    replayed = run("policy", "diff", folder / "policy.json", folder / "new.json", "--audit", folder / "logs", "--json")
    decisions = replayed.fields["decisions"]
    assert isinstance(decisions, dict)
    assert isinstance(decisions["differ"], list)
    assert [(one["request_id"], one["after"]) for one in decisions["differ"] if isinstance(one, dict)] == [
        (planted.leaked, "denied")
    ]
    assert decisions["undecidable"] == {}

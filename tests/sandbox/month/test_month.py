"""The generated month: the same for the same seed, decided by its policy, and with what is planted in it."""

import json
import subprocess
import sys
from pathlib import Path

from sandbox.month.company import KINDS, policy
from sandbox.month.month import Month, write_month
from tests.docs.pages import ROOT
from token_exchange.core.strict_json import parse_object
from token_exchange_cli.audit.schema import LineChecker
from token_exchange_cli.replay.replay import Replay


def test_the_same_seed_is_the_same_month(tmp_path: Path) -> None:
    contents = []
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        folder = tmp_path / name
        folder.mkdir()
        write_month(folder, Month(exchanges=150, teams=3, seed=seed))
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        contents.append({path.relative_to(folder): path.read_bytes() for path in files})
    assert contents[0] == contents[1] != contents[2]


def test_its_lines_are_those_of_its_policy() -> None:
    checker, replay = LineChecker(), Replay(policy(), policy())
    kinds = set[str]()
    for moment in Month(exchanges=300, teams=5).moments():
        if moment.line is not None:
            record = parse_object(moment.line.text.encode())
            assert checker.problem(record) is None
            assert replay.difference(1, record) is None
            kinds.add(f"{record['decision']} {record['reason']}")
    assert replay.tally.old_differs == replay.tally.skipped.total() == 0
    assert kinds == {"granted granted", "denied denied", "denied untrusted-trigger", "rejected unknown-registry"}
    assert sum(kind.share for kind in KINDS) == 100


def test_the_command_writes_the_month_and_reports_errors(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "month", "--exchanges", "100", "--teams", "2", "--plain"]
    for folder, status, said in ((tmp_path / "month", 0, "100 exchanges of 2 teams"), (tmp_path, 2, "exists")):
        done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout + done.stderr) == (status, True)
    lines = (tmp_path / "month/audit.jsonl").read_text().splitlines()
    assert {json.loads(line)["record"] for line in lines} == {"audit"}
    assert len(lines) == 98

"""Environments that are restored from one snapshot, shown by forks of one warmed process."""

import json
import os
import subprocess
import sys

import pytest

from sandbox.backends import Backends
from tests.deploy.cloudformation import ROOT, at
from tests.moved_clock import MovedClock
from token_exchange.issuer_keys.timing import FRESH_SECONDS

CLONES = 3
LATER_SECONDS = FRESH_SECONDS + 60


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Return what clones of one process report: three at once, and one after eleven minutes and a changed policy."""
    folder = tmp_path_factory.mktemp("clones")
    clock = MovedClock()
    with Backends(folder, now=clock) as backends:
        tokens: list[tuple[str, float]] = [
            (backends.issuer.mint("github-actions", audience=backends.audience), 0) for _ in range(1 + CLONES)
        ]
        clock.ahead_seconds = LATER_SECONDS
        tokens.append((backends.issuer.mint("github-actions", audience=backends.audience), LATER_SECONDS))
        clock.ahead_seconds = 0
        (folder / "tokens.json").write_text(json.dumps(tokens))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.service.clones", str(folder)],
            cwd=ROOT,
            env=os.environ | backends.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            warmed = next(line for line in process.stdout if line.startswith("warmed"))
            assert not warmed.startswith("warmed, 0")
            with backends.policy_path.open("a") as policy:
                policy.write("# changed after the snapshot\n")
            process.stdin.write("go\n")
            process.stdin.close()
            assert process.wait(timeout=60) == 0
        # By the warmed process, and by the clone whose keys are stale.
        assert backends.issuer.count("github-actions", "keys") == 2
    return [json.loads((folder / f"clone-{number}.json").read_text()) for number in range(CLONES + 1)]


def test_clones_draw_other_random_numbers(clones: list[object]) -> None:
    assert len({str(at(clone, "random")) for clone in clones}) == len(clones)


def test_clones_share_no_connection(clones: list[object]) -> None:
    assert [at(clone, "kept_connections") for clone in clones] == [0] * len(clones)


def test_each_clone_gets_its_own_login(clones: list[object]) -> None:
    assert [at(clone, "exchange", "status") for clone in clones] == [200] * len(clones)
    assert len({str(at(clone, "exchange", "request_id")) for clone in clones}) == len(clones)
    assert len({str(at(clone, "exchange", "access_token")) for clone in clones}) == len(clones)


def test_a_snapshot_ages_on_the_wall_clock(clones: list[object]) -> None:
    *at_once, later = [str(at(clone, "health", "policy", "sha256")) for clone in clones]
    assert len(set(at_once)) == 1
    assert later not in at_once

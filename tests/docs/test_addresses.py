"""Every step that takes several addresses: it goes on where there is no answer, and stops where there is one."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.docs.step_runs import Run, run_step
from tests.docs.test_steps import SEVERAL, SHELLS, TOKEN, logged_in, not_logged_in, problems, run_all, script_of
from tests.front_door import REASON, STALE, Door

pytestmark = pytest.mark.program("curl")

NO_ONE_LISTENS = "https://127.0.0.1:1"
NO_RETRY = "--retry 0"


def run_with(door: Door, folder: Path, ca_bundle: Path, *faults: str) -> dict[str, Run]:
    """Run every step with one address for each fault; `dead` is one where no one listens."""
    urls = [NO_ONE_LISTENS if fault == "dead" else f"{door.url}/{fault}/{{number}}" for fault in faults]
    # Each try of an address fails alike, so one is enough.
    return run_all(" ".join(urls), folder, ca_bundle, names=SEVERAL, options=NO_RETRY)


@pytest.mark.parametrize("first", ["dead", "throttled", "down", "gone-after-an-answer", "cut", "reset-late"])
def test_the_next_address_is_tried(door: Door, tmp_path: Path, ca_bundle: Path, first: str) -> None:
    runs = run_with(door, tmp_path, ca_bundle, first, "none")
    assert problems(door, runs, logged_in) == {}
    for number, (name, run) in enumerate(runs.items()):
        assert door.shows_in(run.shell.seen("password")), name
        assert STALE.decode() not in run.printed, name
        where = NO_ONE_LISTENS if first == "dead" else f"{door.url}/{first}/{number}"
        assert f"no login from {where}: HTTP " in run.printed, name


def test_a_refusal_is_final(door: Door, tmp_path: Path, ca_bundle: Path) -> None:
    before = {number: door.tries(f"none/{number}") for number in range(len(SEVERAL))}
    runs = run_with(door, tmp_path, ca_bundle, "refused", "none")
    assert problems(door, runs, not_logged_in) == {}
    for number, (name, run) in enumerate(runs.items()):
        assert REASON in run.printed, name
        assert door.tries(f"none/{number}") == before[number], name


def test_the_refusal_of_the_second_address_is_shown(door: Door, tmp_path: Path, ca_bundle: Path) -> None:
    runs = run_with(door, tmp_path, ca_bundle, "dead", "refused")
    assert problems(door, runs, not_logged_in) == {}
    assert all(REASON in run.printed for run in runs.values())


@pytest.mark.parametrize("last", ["dead", "down"])
def test_part_of_a_login_is_not_shown_for_the_next(door: Door, tmp_path: Path, ca_bundle: Path, last: str) -> None:
    """The first address sends most of a login; what it sent must not pass for the answer of the second."""
    runs = run_with(door, tmp_path, ca_bundle, "cut", last)
    assert problems(door, runs, not_logged_in) == {}


def test_a_first_address_that_works_is_the_only_one(door: Door, tmp_path: Path, ca_bundle: Path) -> None:
    runs = run_with(door, tmp_path, ca_bundle, "none", "dead")
    assert problems(door, runs, logged_in) == {}
    assert all(NO_ONE_LISTENS not in run.shell.seen("curl") for run in runs.values())


@SHELLS
@pytest.mark.parametrize("faults", [("down", "none"), ("cut", "refused"), ("dead", "down")])
def test_every_shell_tries_the_next_address(
    door: Door, tmp_path: Path, ca_bundle: Path, interpreter: str, faults: tuple[str, str]
) -> None:
    ci, script = script_of("several addresses")
    ci = replace(ci, interpreter=interpreter)
    urls = [NO_ONE_LISTENS if fault == "dead" else f"{door.url}/{fault}/{interpreter[:4]}" for fault in faults]
    run = run_step(
        ci,
        script,
        tmp_path / "job",
        exchange=" ".join(urls),
        token=TOKEN,
        ca_bundle=ca_bundle,
        CURL_OPTIONS=NO_RETRY,
    )
    check = logged_in if faults[1] == "none" else not_logged_in
    assert problems(door, {"several addresses": run}, check) == {}

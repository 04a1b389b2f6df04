import math
from pathlib import Path

import pytest

from bench import cold_start
from bench.cold_start import measure
from tests.requirements_present import ROOT


@pytest.mark.built
@pytest.mark.emulator
def test_the_built_function_and_its_baselines_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    figures = {figure.name: figure.value for figure in measure(tmp_path, rounds=1).figures}
    assert all(math.isfinite(value) and value > 0 for value in figures.values())
    assert figures["first call of a handler that imports nothing"] < figures["first call with boto3 and two clients"]
    assert figures["first call of a handler that imports nothing"] < figures["first call"]


def test_without_a_build_the_skipped_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "BUILD_FOLDER", tmp_path / "none")
    part = measure(tmp_path, rounds=1)
    assert part.figures == ()
    assert part.method == "Left out: nothing is built; `make bench` builds first."


def test_without_an_emulator_the_skipped_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "build" / "ExchangeFunction").mkdir(parents=True)
    monkeypatch.setattr(cold_start, "BUILD_FOLDER", tmp_path / "build")
    monkeypatch.setattr("sandbox.emulator.TOOLS", tmp_path / "tools")
    part = measure(tmp_path, rounds=1)
    assert part.figures == ()
    assert part.method.startswith("Left out: no runtime loop is installed")

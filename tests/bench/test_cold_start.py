from pathlib import Path

import pytest

from bench import cold_start
from bench.cold_start import measure


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

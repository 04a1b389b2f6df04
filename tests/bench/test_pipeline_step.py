from pathlib import Path

import pytest

from bench import pipeline_step
from bench.pipeline_step import measure


def test_without_the_aws_cli_the_skipped_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_step, "AWS_CLI", tmp_path / "none")
    part = measure(tmp_path, rounds=1)
    assert part.figures == ()
    assert part.method == "Left out: the AWS CLI is missing; `make bench` brings it."

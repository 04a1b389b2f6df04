from pathlib import Path

import pytest

from bench import pipeline_step
from bench.pipeline_step import measure
from tests.requirements_present import ROOT


@pytest.mark.aws_cli
@pytest.mark.program("curl")
def test_each_way_ends_in_a_login_and_has_its_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    part = measure(tmp_path, rounds=1)
    figures = {figure.name: figure.value for figure in part.figures}
    for way in ("one curl", "two calls of the AWS CLI", "one call of the AWS CLI"):
        assert figures[f"{way}, processor time"] > 0
        assert figures[f"{way}, wall clock"] > 0
    assert "The AWS CLI is 1." in part.method
    assert not (tmp_path / "login").exists()


def test_without_the_aws_cli_the_skipped_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_step, "AWS_CLI", tmp_path / "none")
    part = measure(tmp_path, rounds=1)
    assert part.figures == ()
    assert part.method == "Left out: the AWS CLI is missing; `make bench` brings it."

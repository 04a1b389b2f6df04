import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from token_exchange.adapters.settings import BadSetting
from token_exchange.start import start


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture
def function_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "TOKEN_EXCHANGE_URL", "TOKEN_EXCHANGE_POLICY_MAX_AGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOKEN_EXCHANGE_POLICY", "file:policy.json")
    (tmp_path / "policy.json").write_text(json.dumps({"version": 1}))
    return str(tmp_path / "app.py")


def test_garbage_collection_resumes_after_the_start(function_file: str) -> None:
    frozen_before = gc.get_freeze_count()
    assert callable(start(function_file))
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen_before


def test_the_collector_works_again_after_a_start_that_failed(
    function_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_EXCHANGE_POLICY", "carrier-pigeon:coop")
    with pytest.raises(BadSetting):
        start(function_file)
    assert gc.isenabled()

import os
from pathlib import Path

import pytest

from sandbox.registry.distribution import Distribution, RegistryFailed, registry_program


@pytest.mark.registry
def test_it_answers_until_it_is_closed_and_leaves_nothing() -> None:
    with Distribution() as running:
        connection = running.connection()
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
        connection.close()
        folder = Path(running._folder.name)  # noqa: SLF001 - that it is gone is the test
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    connection = running.connection()
    with pytest.raises(FileNotFoundError):
        connection.connect()
    connection.close()


def test_without_the_program_a_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert registry_program() is None
    with pytest.raises(RegistryFailed, match="docker-registry"):
        Distribution()


def test_a_program_that_ends_at_once_is_reported_with_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "docker-registry"
    program.write_text("#!/bin/sh\necho 'unknown storage driver' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(RegistryFailed, match="unknown storage driver"):
        Distribution()

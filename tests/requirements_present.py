"""What a marked test needs of the machine; where it is missing the test is skipped, and in CI it fails."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from sandbox.registry.distribution import registry_program

ROOT: Final = Path(__file__).parent.parent
DEPLOYED_BUILD: Final = ROOT / ".aws-sam" / "build"
NATIVE_BUILD: Final = ROOT / ".sandbox" / "build"
"""For this machine's architecture, so that it can be imported."""
AWS_CLI: Final = ROOT / ".tools" / "aws-cli" / "bin" / "aws"
GITLAB_CI_LOCAL: Final = ROOT / ".tools" / "gitlab-ci-local" / "node_modules" / ".bin" / "gitlab-ci-local"

_PACKAGE: Final = ROOT / "layers" / "token_exchange" / "token_exchange"
_FUNCTIONS: Final[Mapping[str, Path]] = {
    "ExchangeFunction/exchange": ROOT / "functions" / "exchange",
    "RefreshKeysFunction/refresh_keys": ROOT / "functions" / "refresh_keys",
}
_ENGINE_SECONDS: Final = 20


@cache
def missing_engine() -> str | None:
    """Return what keeps the tests from a container engine, or None."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    asked = subprocess.run(["docker", "info"], capture_output=True, timeout=_ENGINE_SECONDS, check=False)
    return None if asked.returncode == 0 else "no container engine answers"


@cache
def missing_build() -> str | None:
    """Return what keeps the tests from testing what is built from the source as it is now, or None."""
    for build, command in ((DEPLOYED_BUILD, "make build"), (NATIVE_BUILD, "make sam-build")):
        if not build.is_dir():
            return f"nothing is built; run `{command}`"
        package = build / "TokenExchangeLayer" / "python" / "token_exchange"
        functions = [sources(build / built) == sources(source) for built, source in _FUNCTIONS.items()]
        if sources(package) != sources(_PACKAGE) or not all(functions):
            return f"the build is of another source; run `{command}`"
    return None


@cache
def missing_gitlab_runner() -> str | None:
    """Return what keeps the tests from running a GitLab pipeline on this machine, or None."""
    for program in ("node", "rsync", "git"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None if GITLAB_CI_LOCAL.exists() else "gitlab-ci-local is missing; run `make ci-systems`"


def sources(folder: Path) -> dict[str, bytes]:
    """Return the Python files in `folder`, by their path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}


def missing_emulator() -> str | None:
    """Return what keeps the tests from Lambda's emulator, or None."""
    brought = (ROOT / ".tools" / "lambda-runtime" / "stamp").exists()
    return None if brought else "Lambda's emulator is missing; run `make emulator-check`"


def missing_aws_cli() -> str | None:
    """Return what keeps the tests from the AWS CLI that is locked here, or None."""
    return None if AWS_CLI.exists() else "the AWS CLI is missing; run `make ci-systems`"


def missing_registry() -> str | None:
    """Return what keeps the tests from a real registry, or None."""
    return None if registry_program() else "no registry program is installed; Debian's package is docker-registry"


_MISSING: Final[Mapping[str, Callable[[], str | None]]] = {
    "engine": missing_engine,
    "built": missing_build,
    "registry": missing_registry,
    "emulator": missing_emulator,
    "gitlab": missing_gitlab_runner,
    "aws_cli": missing_aws_cli,
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here; nothing is skipped in CI, where a skip would pass for a success."""
    reasons = [missing() for marker, missing in _MISSING.items() if item.get_closest_marker(marker)]
    reasons += [_missing_program(str(marker.args[0])) for marker in item.iter_markers("program")]
    for reason in filter(None, reasons):
        if os.environ.get("CI"):
            pytest.fail(f"CI skips nothing: {reason}", pytrace=False)
        pytest.skip(reason)


def _missing_program(name: str) -> str | None:
    return None if shutil.which(name) else f"{name} is not installed"

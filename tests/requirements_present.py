"""What a marked test needs of the machine.

Where it is missing the test is skipped, or fails if `TESTS_SKIP_NOTHING` is set, as `.ci/run` does.
"""

import os
import shutil
import subprocess
import sys
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
CYCLONEDX: Final = ROOT / ".tools" / "release" / "bin" / "cyclonedx-py"
PIP_AUDIT: Final = CYCLONEDX.with_name("pip-audit")
GITLAB_CI_LOCAL: Final = ROOT / ".tools" / "gitlab-ci-local" / "node_modules" / ".bin" / "gitlab-ci-local"

_PACKAGE: Final = ROOT / "layers" / "token_exchange" / "token_exchange"
_FUNCTIONS: Final[Mapping[str, Path]] = {
    "ExchangeFunction/exchange": ROOT / "functions" / "exchange",
    "RefreshKeysFunction/refresh_keys": ROOT / "functions" / "refresh_keys",
}
_ENGINE_SECONDS: Final = 20
_LAMBDA_PYTHON: Final = (3, 13)


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
    if (other := other_python()) is not None:
        return other
    for build, command in ((DEPLOYED_BUILD, "make build"), (NATIVE_BUILD, "make sam-build")):
        if not build.is_dir():
            return f"nothing is built; run `{command}`"
        package = build / "TokenExchangeLayer" / "python" / "token_exchange"
        functions = [sources(build / built) == sources(source) for built, source in _FUNCTIONS.items()]
        if sources(package) != sources(_PACKAGE) or not all(functions):
            return f"the build is of another source; run `{command}`"
    return None


def other_python() -> str | None:
    """Return what keeps these tests from importing what is built for Lambda, or None."""
    found, expected = (".".join(map(str, version)) for version in (sys.version_info[:2], _LAMBDA_PYTHON))
    return None if found == expected else f"what is built is for Python {expected}, and the tests run on {found}"


@cache
def missing_gitlab_runner() -> str | None:
    """Return what keeps the tests from running a GitLab pipeline on this machine, or None."""
    for program in ("node", "rsync", "git"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None if GITLAB_CI_LOCAL.exists() else "gitlab-ci-local is missing; run `make ci-systems`"


def sources(folder: Path) -> dict[str, bytes]:
    """Return the Python files in `folder`, and the policy if it has one, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix == ".py" or path == folder / "policy.yaml"
    }


def missing_emulator() -> str | None:
    """Return what keeps the tests from Lambda's emulator, or None."""
    if (other := other_python()) is not None:
        return other
    brought = (ROOT / ".tools" / "lambda-runtime" / "stamp").exists()
    return None if brought else "Lambda's emulator is missing; run `make emulator-check`"


def missing_aws_cli() -> str | None:
    """Return what keeps the tests from the AWS CLI that is locked here, or None."""
    return None if AWS_CLI.exists() else "the AWS CLI is missing; run `make ci-systems`"


def missing_release_programs() -> str | None:
    """Return what keeps the tests from a release's programs, or None."""
    return None if CYCLONEDX.exists() else "cyclonedx-py and pip-audit are missing; run `make release`"


def missing_registry() -> str | None:
    """Return what keeps the tests from a real registry, or None."""
    return None if registry_program() else "no registry program is installed; Debian's package is docker-registry"


_MISSING: Final[Mapping[str, Callable[[], str | None]]] = {
    "engine": missing_engine,
    "built": missing_build,
    "registry": missing_registry,
    "release": missing_release_programs,
    "emulator": missing_emulator,
    "gitlab": missing_gitlab_runner,
    "aws_cli": missing_aws_cli,
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here, or fail it where `.ci/run` asked for that: there a skip would pass for a success."""
    reasons = [missing() for marker, missing in _MISSING.items() if item.get_closest_marker(marker)]
    reasons += [_missing_program(str(marker.args[0])) for marker in item.iter_markers("program")]
    for reason in filter(None, reasons):
        if skips_nothing():
            pytest.fail(f"TESTS_SKIP_NOTHING is set: {reason}", pytrace=False)
        pytest.skip(reason)


def skips_nothing() -> bool:
    """Return whether this machine is to have everything, as that of `.ci/run` is."""
    return bool(os.environ.get("TESTS_SKIP_NOTHING"))


def _missing_program(name: str) -> str | None:
    return None if shutil.which(name) else f"{name} is not installed"

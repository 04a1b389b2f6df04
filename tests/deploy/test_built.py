"""What ships: the folders that `sam build` made, and nothing of this checkout on the path."""

import fcntl
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from sandbox.backends import Backends
from sandbox.curl import post
from sandbox.emulator import Emulator
from sandbox.front_door import FrontDoor
from sandbox.lambda_check import prepared_backends
from tests.requirements_present import DEPLOYED_BUILD, NATIVE_BUILD, ROOT

pytestmark = pytest.mark.built

both_builds = pytest.mark.parametrize("build", [DEPLOYED_BUILD, NATIVE_BUILD], ids=["deployed", "native"])

CALL = """
import json, sys
sys.path[:0] = sys.argv[1:]
from exchange import app

class Context:
    aws_request_id = "8f5e7c5a-0000-4000-8000-000000000000"
    function_version = "$LATEST"
    @staticmethod
    def get_remaining_time_in_millis():
        return 20_000

event = {"rawPath": "/v1/health", "requestContext": {"http": {"method": "GET", "path": "/v1/health"}}}
answer = app.handler(event, Context())
loaded = [module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]
print(json.dumps({"status": answer["statusCode"], "body": json.loads(answer["body"]), "loaded": loaded}))
"""


def layer(build: Path) -> Path:
    return build / "TokenExchangeLayer" / "python"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@both_builds
def test_the_layer_has_exactly_the_locked_files(build: Path) -> None:
    lock = (ROOT / "layers" / "token_exchange" / "requirements.txt").read_text()
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", lock, re.MULTILINE))
    installed = [Distribution.at(path) for path in layer(build).glob("*.dist-info")]
    assert {normal(each.name): each.version for each in installed} == {
        normal(name): version for name, version in locked.items()
    }


@both_builds
def test_everything_in_the_layer_is_locked_or_our_own_code(build: Path) -> None:
    claimed = {"token_exchange", "requirements.txt"}
    for path in layer(build).glob("*.dist-info"):
        claimed |= {path.name} | {file.parts[0] for file in Distribution.at(path).files or []}
    left_over = {path.name for path in layer(build).iterdir()} - claimed - {"__pycache__"}
    # Programs of a distribution, which its record names by where they would be installed.
    assert {name for name in left_over if not name.endswith(".data")} == set()


@both_builds
def test_no_cold_start_has_to_compile_anything(build: Path) -> None:
    """Whatever the file's time says: the bytecode's flags are those of PEP 552 for a hash that is not checked."""
    functions = [build / name for name in ("ExchangeFunction", "RefreshKeysFunction", "ValidatePolicyFunction")]
    folders = (layer(build), *functions)
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(modules) > 500
    for module in modules:
        bytecode = Path(cache_from_source(str(module)))
        assert bytecode.read_bytes()[:8] == MAGIC_NUMBER + (0b01).to_bytes(4, "little"), module


def test_the_function_is_its_folder_without_the_sandbox() -> None:
    source = ROOT / "functions" / "exchange"
    ours = {path.name for path in source.iterdir() if path.name != "__pycache__"}
    built = {path.name for path in (DEPLOYED_BUILD / "ExchangeFunction" / "exchange").iterdir()}
    assert built - {"__pycache__"} == ours
    assert {path.name for path in (DEPLOYED_BUILD / "ExchangeFunction").iterdir()} == {"exchange"}
    assert "AWS_ENDPOINT_URL" not in (DEPLOYED_BUILD / "template.yaml").read_text()


def test_the_refresher_is_built_beside_the_policy_that_it_reads() -> None:
    built = DEPLOYED_BUILD / "RefreshKeysFunction"
    assert (built / "refresh_keys" / "app.py").read_bytes() == (ROOT / "functions/refresh_keys/app.py").read_bytes()
    policy = ROOT / "functions" / "exchange" / "policy.yaml"
    assert (built / "exchange" / "policy.yaml").exists() == policy.exists()


def test_the_validator_is_its_folder_with_the_policy_place() -> None:
    built = DEPLOYED_BUILD / "ValidatePolicyFunction"
    assert {path.name for path in built.iterdir()} == {"validate_policy"}
    assert (built / "validate_policy/app.py").read_bytes() == (ROOT / "functions/validate_policy/app.py").read_bytes()
    # A layer whose botocore was trimmed to STS and ECR would start, and find no policy.
    for service in ("s3", "appconfigdata"):
        assert list((layer(DEPLOYED_BUILD) / "botocore" / "data" / service).glob("*/service-2.json.gz"))


def test_the_refresher_starts_with_only_the_built_folders(tmp_path: Path) -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; from refresh_keys.app import handler; handler({}, None)"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-W",
            "error",
            "-c",
            code,
            str(NATIVE_BUILD / "RefreshKeysFunction"),
            str(layer(NATIVE_BUILD)),
        ],
        env={"TOKEN_EXCHANGE_POLICY": "file:none.yaml", "AWS_REGION": "eu-west-1", "PATH": "/usr/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # No table, so nothing to do; but everything was imported to be able to say so.
    assert done.returncode == 1
    assert "TOKEN_EXCHANGE_STATE_TABLE" in done.stderr.splitlines()[-1]


def test_the_function_starts_with_only_the_built_folders(tmp_path: Path) -> None:
    folders = [str(NATIVE_BUILD / "ExchangeFunction"), str(layer(NATIVE_BUILD))]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", CALL, *folders],
        env={"TOKEN_EXCHANGE_POLICY": "file:none.yaml", "AWS_REGION": "eu-west-1", "PATH": "/usr/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    # No policy, so no service; but everything was imported to be able to say so.
    assert (said["status"], said["body"]["reason"]) == (503, "policy-unavailable")
    standard_library = Path(json.__file__).parents[1]
    foreign = [name for name in said["loaded"] if not Path(name).is_relative_to(standard_library)]
    assert [name for name in foreign if not name.startswith(tuple(folders))] == []


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Backends, dict[str, str]]]:
    """Have backends for the build; one test at a time, since the test processes share the build."""
    monkeypatch.chdir(ROOT)
    with NATIVE_BUILD.with_name("build.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with prepared_backends() as (backends, _, variables):
            yield backends, variables


@pytest.mark.emulator
def test_lambdas_runtime_loop_serves_it_without_docker(
    prepared: tuple[Backends, dict[str, str]], tmp_path: Path
) -> None:
    """As `make emulator-check` does, which also measures; `make sam-check` runs every event in Lambda's image."""
    backends, variables = prepared
    log_path = tmp_path / "log"
    with (
        log_path.open("wb") as log,
        Emulator(variables, output=log) as emulator,
        FrontDoor(emulator) as door,
    ):
        token = backends.issuer.mint("github-actions", audience=backends.audience)
        # A whole signature of another token's: one that is cut short may already be no base64url, and so malformed.
        other = backends.issuer.mint("github-actions", audience=backends.audience, claims={"run_id": "1"})
        forged = f"{token.rpartition('.')[0]}.{other.rpartition('.')[2]}"
        granted = post(f"{door.url}/v1/token?registry=apps", token=token)
        refused = post(f"{door.url}/v1/token?registry=apps", token=forged)
    assert granted.status == 200
    assert backends.aws.registry.login(str(granted.body["access_token"])) is not None
    assert (refused.status, refused.body["reason"]) == (401, "bad-signature")
    assert token not in log_path.read_text()

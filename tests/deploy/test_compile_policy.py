"""The compiled form of a policy, in a build, in the place of the policy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.compile_policy import compile_policy
from deploy.target import NotDeployed
from tests.docs.pages import ROOT
from tests.loading.documents import document, grant
from tests.loading.folders import TEAM, main_file, team_file
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.core.policy import Policy
from token_exchange.loading.document import is_compiled
from token_exchange.loading.load import load_policy

_START = """
import sys
from pathlib import Path
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.load import load_policy

found = PolicyFile(Path(sys.argv[1])).read()
assert load_policy(found.content, name=found.name, read_file=found.read_file).grants[0].name == "shop"
print("yaml" in sys.modules)
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Return a build with a policy in YAML, in the two functions that read it, and a function without one."""
    exchange = tmp_path / "ExchangeFunction/exchange"
    for package in (exchange, tmp_path / "ProbeFunction/probe"):
        package.mkdir(parents=True)
    (exchange / "policy.yaml").write_text(yaml.safe_dump(document(grant(name="shop"))))
    shutil.copytree(exchange, tmp_path / "RefreshKeysFunction/exchange")
    return tmp_path


def loaded(path: Path) -> Policy:
    found = PolicyFile(path).read()
    return load_policy(found.content, name=found.name, read_file=found.read_file, grant_files=found.grant_files)


def test_every_function_has_the_policy_with_its_identity(build: Path) -> None:
    places = [build / function / "exchange/policy.yaml" for function in ("ExchangeFunction", "RefreshKeysFunction")]
    source = loaded(places[0])
    compile_policy(build, "policy.yaml")
    assert all(is_compiled(place.read_bytes()) for place in places)
    assert places[0].read_bytes() == places[1].read_bytes()
    assert loaded(places[0]).sha256 == source.sha256
    assert list((build / "ProbeFunction").rglob("*")) == [build / "ProbeFunction/probe"]


def test_a_start_with_it_imports_no_yaml(build: Path) -> None:
    def imports_yaml() -> str:
        command = [sys.executable, "-c", _START, str(build / "ExchangeFunction/exchange/policy.yaml")]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout

    assert imports_yaml() == "True\n"
    compile_policy(build, "policy.yaml")
    assert imports_yaml() == "False\n"


def test_a_folder_becomes_one_file_of_its_name(build: Path) -> None:
    places = [package / "policies/main" for package in build.glob("*/exchange")]
    for place in places:
        (place / TEAM).parent.mkdir(parents=True)
        (place / TEAM).write_bytes(team_file())
        (place / "policy.yaml").write_text(json.dumps(main_file()))
    source = loaded(places[0])
    compile_policy(build, "policies/main")
    assert all(place.is_file() for place in places)
    assert [loaded(place).sha256 for place in places] == [source.sha256] * 2


def test_a_policy_that_is_compiled_stays_as_it_is(build: Path) -> None:
    compile_policy(build, "policy.yaml")
    place = build / "ExchangeFunction/exchange/policy.yaml"
    before = place.read_bytes()
    compile_policy(build, "policy.yaml")
    assert place.read_bytes() == before


def test_a_build_that_cannot_be_deployed_gives_a_message(build: Path) -> None:
    with pytest.raises(NotDeployed) as missing:
        compile_policy(build, "other.yaml")
    assert str(missing.value) == "the policy other.yaml is not in the build; run `make build` again"
    place = build / "ExchangeFunction/exchange/policy.yaml"
    place.write_text("version: 2\n")
    with pytest.raises(NotDeployed) as unusable:
        compile_policy(build, "policy.yaml")
    first, *problems = str(unusable.value).splitlines()
    assert first == f"the policy that was built does not load: {place}"
    assert any("version: expected 1" in problem for problem in problems)
    assert place.read_text() == "version: 2\n"

import json
import platform
from pathlib import Path

import pytest
import yaml

from sandbox import lambda_build
from sandbox.lambda_build import (
    BuildFailed,
    configure_for_sandbox,
    lambda_variables,
    machine_architecture,
    open_template,
)
from tests.deploy.cloudformation import ROOT, at, mapping

BUILT = """
Parameters:
  Architecture: {Type: String, Default: arm64, AllowedValues: [arm64, x86_64]}
  AssumableRoleArns: {Type: CommaDelimitedList}
Resources:
  ExchangeFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ExchangeFunction
      Environment: {Variables: {TOKEN_EXCHANGE_POLICY: file:policy.yaml}}
  Other: {Type: AWS::Logs::LogGroup}
  RestApi: {Type: AWS::Serverless::Api}
"""


def test_a_template_is_opened_and_otherwise_left_as_it_is() -> None:
    opened = yaml.safe_load(open_template(BUILT, architecture="x86_64", variables=["AWS_ENDPOINT_URL"]))
    assert at(opened, "Parameters", "Architecture", "Default") == "x86_64"
    assert "Default" in mapping(opened, "Parameters", "AssumableRoleArns")
    function = mapping(opened, "Resources", "ExchangeFunction", "Properties")
    assert function == {
        "CodeUri": "ExchangeFunction",
        # `sam local` hands on what is declared, and nothing else.
        "Environment": {"Variables": {"AWS_ENDPOINT_URL": "", "TOKEN_EXCHANGE_POLICY": "file:policy.yaml"}},
    }
    assert at(opened, "Resources", "Other") == {"Type": "AWS::Logs::LogGroup"}
    # Of the two doors, the sandbox has the default one.
    assert "RestApi" not in mapping(opened, "Resources")


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", "x86_64"), ("aarch64", "arm64"), ("ARM64", "arm64")])
def test_the_machines_own_architecture_is_built(
    monkeypatch: pytest.MonkeyPatch, machine: str, architecture: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert machine_architecture() == architecture


def test_a_machine_that_lambda_has_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(BuildFailed, match="riscv64"):
        machine_architecture()


def test_the_built_function_is_led_into_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_build, "BUILD_FOLDER", tmp_path / "build")
    function = tmp_path / "build" / "ExchangeFunction" / "exchange"
    function.mkdir(parents=True)
    (tmp_path / "authority.pem").write_text("a certificate")
    configure_for_sandbox(
        tmp_path / "env.json",
        policy_folder="sandbox",
        issuer_port=8443,
        ca_bundle=tmp_path / "authority.pem",
        aws_url="http://127.0.0.1:4566",
        public_url="",
    )
    variables = mapping(json.loads((tmp_path / "env.json").read_text()), "ExchangeFunction")
    assert variables["TOKEN_EXCHANGE_POLICY"] == "file:sandbox/policy.yaml"
    assert "localhost:8443" in (function / "sandbox" / "policy.yaml").read_text()
    assert (function / "sandbox" / "ca.pem").read_text() == "a certificate"


def test_only_loopback_addresses_and_sandbox_credentials() -> None:
    variables = lambda_variables(issuer_folder="sandbox", aws_url="http://127.0.0.1:1", public_url="")
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert "opens-nothing" in variables["AWS_SECRET_ACCESS_KEY"]


def test_the_sandbox_builds_outside_the_deployed_folder() -> None:
    configured = (ROOT / "samconfig.toml").read_text()
    for line in configured.partition("[sandbox.")[2].splitlines():
        name, _, value = line.partition(" = ")
        if name in {"build_dir", "cache_dir", "template_file", "env_vars"}:
            assert value.startswith('".sandbox/')
    assert "[sandbox.deploy" not in configured
    assert ".sandbox" not in configured.partition("[default.deploy")[2].partition("\n#")[0]


def test_sam_runs_with_the_python_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_PYTHON", "/sam/bin/python")
    assert lambda_build.sam_on_loopback() == ["/sam/bin/python", str(ROOT / "sandbox" / "sam_on_loopback.py")]

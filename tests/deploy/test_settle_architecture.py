from pathlib import Path

import pytest
import yaml

from deploy.settle_architecture import ArchitecturesDiffer, main, saved_architecture, settle, settled
from tests.deploy.cloudformation import ROOT, at

BUILT = """
Metadata:
  AWS::CloudFormation::Interface: {ParameterGroups: [{Parameters: [Architecture, MemoryMegabytes]}]}
Parameters:
  Architecture: {Type: String, Default: arm64, AllowedValues: [arm64, x86_64]}
  MemoryMegabytes: {Type: Number}
Resources:
  ExchangeFunction:
    Properties: {Architectures: [{Ref: Architecture}], MemorySize: {Ref: MemoryMegabytes}}
"""
GUIDED = '[default.deploy.parameters]\nparameter_overrides = "{}"\n'


@pytest.fixture
def build(tmp_path: Path) -> Path:
    layer = tmp_path / "build" / "TokenExchangeLayer" / "python"
    layer.mkdir(parents=True)
    (layer / "_cffi_backend.cpython-313-x86_64-linux-gnu.so").touch()
    (tmp_path / "build" / "template.yaml").write_text(BUILT)
    return tmp_path / "build"


def test_the_parameter_becomes_the_built_architecture(build: Path, tmp_path: Path) -> None:
    assert settle(build, tmp_path / "samconfig.toml") == "x86_64"
    template = yaml.safe_load((build / "template.yaml").read_text())
    assert at(template, "Resources", "ExchangeFunction", "Properties", "Architectures") == ["x86_64"]
    # `sam deploy` asks for every parameter, and passes on only those that the template has.
    assert list(template["Parameters"]) == ["MemoryMegabytes"]
    assert "Architecture" not in str(template["Metadata"])


def test_a_settled_build_can_be_settled_again(build: Path, tmp_path: Path) -> None:
    settle(build, tmp_path / "samconfig.toml")
    once = (build / "template.yaml").read_text()
    settle(build, tmp_path / "samconfig.toml")
    assert (build / "template.yaml").read_text() == once


@pytest.mark.parametrize(
    "parameters", ["LogLevel=DEBUG Architecture=arm64", 'Architecture=\\"arm64\\" LogLevel=\\"INFO\\"']
)
def test_a_deployment_for_another_one_is_refused(
    build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], parameters: str
) -> None:
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text(GUIDED.format(parameters))
    assert main(str(build), str(samconfig)) == 1
    said = capsys.readouterr().err
    assert "built for x86_64" in said
    assert "Architecture=arm64" in said
    assert "[default.global.parameters]" in said
    assert (build / "template.yaml").read_text() == BUILT


@pytest.mark.parametrize(
    ("samconfig", "saved"),
    [
        ("", None),
        ('[default.global.parameters]\nparameter_overrides = "Architecture=arm64"', None),
        (GUIDED.format("LogLevel=DEBUG"), None),
        # Only the whole name is this parameter.
        (GUIDED.format("OtherArchitecture=arm64"), None),
        (GUIDED.format("Architecture=x86_64"), "x86_64"),
        (GUIDED.format('LogLevel=\\"INFO\\" Architecture=\\"x86_64\\"'), "x86_64"),
        (GUIDED.format("ParameterKey=Architecture,ParameterValue=x86_64"), "x86_64"),
        ('[default.deploy.parameters]\nparameter_overrides = ["LogLevel=INFO", "Architecture=x86_64"]', "x86_64"),
    ],
)
def test_saved_parameters_are_read(samconfig: str, saved: str | None) -> None:
    assert saved_architecture(samconfig) == saved


def test_a_parameter_inside_a_text_is_refused() -> None:
    with pytest.raises(ArchitecturesDiffer, match="in a text"):
        settled("Resources: {A: {Name: {'Fn::Sub': 'a-${Architecture}'}}}", architecture="arm64")


def test_a_build_without_compiled_modules_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(tmp_path), str(tmp_path / "samconfig.toml")) == 1
    assert "for one machine" in capsys.readouterr().err


def test_the_architecture_is_set_in_one_place() -> None:
    configured = (ROOT / "samconfig.toml").read_text()
    (line,) = [line for line in configured.splitlines() if "Architecture=" in line]
    assert line == 'parameter_overrides = "Architecture=arm64"'
    assert configured.index("[default.global.parameters]") < configured.index(line) < configured.index("[default.build")
    assert "${Architecture}" not in (ROOT / "template.yaml").read_text()


def test_the_page_changes_that_very_line() -> None:
    page, configured = (ROOT / "docs" / "operations.md").read_text(), (ROOT / "samconfig.toml").read_text()
    line = page.partition("### Architecture")[2].partition("```toml\n")[2].partition("\n")[0]
    assert line.replace("x86_64", "arm64") in configured.splitlines()

"""Names in the documents are names of something: targets, variables, parameters, alarms, ports, modules, scenarios."""

import re
from functools import cache

import pytest
import yaml

from sandbox.aws import server
from sandbox.issuer import DOCUMENTS, FAULT_KINDS
from sandbox.serve import AWS_PORT, ISSUER_PORT, REGISTRY_PORTS, SERVICE_PORT
from tests.docs.pages import ROOT, Page, code_in, page, pages
from token_exchange.core.refusals import Reason

PACKAGE = ROOT / "layers/token_exchange/token_exchange"


@cache
def template(name: str) -> dict[str, dict[str, dict[str, object]]]:
    """Return a template with CloudFormation's short forms as whatever they hold."""

    class Loader(yaml.CSafeLoader):
        """Takes any tag."""

    def plain(loader: yaml.CSafeLoader, _tag: str, node: yaml.Node) -> object:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return str(node.value)

    Loader.add_multi_constructor("!", plain)
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.load((ROOT / name).read_text("utf-8"), Loader)  # noqa: S506 - a CSafeLoader
    return loaded


def code_of(found: Page) -> str:
    return "\n".join([*code_in(found.prose), *(block.text for block in found.blocks)])


def test_every_target_of_make_exists(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
            assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code_of(found))) <= targets


def test_the_readme_names_the_demo_and_the_tests() -> None:
    assert {"make demo", "make serve", "make test"} <= set(code_in(page("README.md").text))


def test_every_variable_is_one_that_something_reads(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            sources = [*PACKAGE.rglob("*.py"), *(ROOT / "sandbox").rglob("*.py"), ROOT / "template.yaml"]
            read = "\n".join(path.read_text("utf-8") for path in sources)
            named = set(re.findall(r"\b(?:TOKEN_EXCHANGE|AWS|POWERTOOLS)_[A-Z_]+\b|\bLOG_LEVEL\b", found.text))
            assert {name for name in named if name not in read} == set()


@pytest.mark.parametrize(
    ("section", "name"), [("Deploy", "template.yaml"), ("The archive", "deploy/audit-archive.yaml")]
)
def test_every_template_parameter_is_documented_with_its_default(section: str, name: str) -> None:
    documented = {code_in(row[0])[0]: row[1].strip("`") for row in page("docs/operations.md").table(section)}
    defaults = {
        name: "required" if "Default" not in parameter else str(parameter["Default"]) or "empty"
        for name, parameter in template(name)["Parameters"].items()
    }
    assert documented == defaults


def test_every_alarm_has_a_runbook_and_no_runbook_lacks_an_alarm() -> None:
    section = page("docs/operations.md").section("Alarms")
    runbooks = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    alarms = [
        name
        for name, resource in template("template.yaml")["Resources"].items()
        if resource["Type"] in {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
        # The parts of a composite alarm notify no one.
        and "OKActions" in str(resource["Properties"])
    ]
    assert sorted(runbooks) == sorted(alarms)
    assert all(re.search(r"^1\. ", page("docs/operations.md").section(name), re.MULTILINE) for name in runbooks)


def test_every_output_that_is_named_exists(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            named = set(re.findall(r"[Oo]utputs? `(\w+)`", found.text))
            outputs = set(template("template.yaml")["Outputs"]) | set(template("deploy/audit-archive.yaml")["Outputs"])
            assert named <= outputs


def test_the_parameters_for_the_role_exist() -> None:
    parameters = set(template("deploy/member-account.yaml")["Parameters"])
    commands = "\n".join(block.text for block in page("docs/getting-started.md").blocks if block.language == "bash")
    given = set(re.findall(r"\b([A-Z][A-Za-z]+)=", commands.partition("--parameter-overrides")[2]))
    assert {"BrokerRoleArns", "Repositories"} <= given <= parameters
    # What has no default has to be given.
    required = {
        name for name, value in template("deploy/member-account.yaml")["Parameters"].items() if "Default" not in value
    }
    assert required <= given


def test_the_sandboxs_ports_and_faults_are_as_documented() -> None:
    sandbox = page("docs/sandbox.md")
    ports = {int(row[0]) for row in sandbox.table("Ports of `make serve`")}
    assert ports == {SERVICE_PORT, ISSUER_PORT, AWS_PORT, *REGISTRY_PORTS.values()}
    aws, issuer = sandbox.table("Making things fail")
    assert set(code_in(aws[1])) == set(server.FAULT_KINDS)
    assert set(code_in(issuer[1])) == set(FAULT_KINDS)
    assert set(DOCUMENTS) <= set(code_in(issuer[0]))


def test_every_module_that_is_named_exists(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            named = {name for name in code_in(found.text) if re.fullmatch(r"[a-z_]+(?:/[a-z_]+)*(?:\.py|/)", name)}
            roots = (ROOT, PACKAGE, ROOT / "cli/token_exchange_cli")
            made_when_needed = {"pipeline/"}
            missing = {name for name in named - made_when_needed if not any((root / name).exists() for root in roots)}
            assert missing == set()


def test_the_table_of_rings_is_the_package() -> None:
    documented = sorted(part for row in page("docs/architecture.md").table("Two rings") for part in code_in(row[0]))
    there = sorted(
        f"{path.name}/" if path.is_dir() else path.name
        for path in PACKAGE.iterdir()
        if not path.name.startswith("_") and (path.is_dir() or path.suffix == ".py")
    )
    assert documented == there


def test_every_reason_that_is_named_is_one(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            named = re.findall(r"\b[45][0-9]{2} `([a-z]+(?:-[a-z]+)+)`", found.text)
            assert set(named) <= {reason.value for reason in Reason}

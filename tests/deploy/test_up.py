"""`make deploy` and `make undeploy` against moto, with a program in the place of SAM."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deploy import down, up
from tests.deploy.aws_account import ACCOUNT, REGION, Account, moto_server
from tests.docs.pages import ROOT, page
from tests.loading.documents import document, grant
from token_exchange.core.ports import Json
from token_exchange.loading.document import is_compiled

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci-push"
LOG_IN = "log in (aws sso login, or aws login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
POLICY = "functions/exchange/policy.yaml"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command returned and printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands, in the checkout of `account`."""

    account: Account
    capsys: pytest.CaptureFixture[str]

    def up(self, *arguments: str, policy: str = POLICY) -> Done:
        given = ["--stack", self.account.stack, "--policy", policy, *arguments]
        if "--check" not in arguments:
            status = up.main(["--check", *given])
            if status != 0:
                return self._done(status)
            self.capsys.readouterr()
            self.account.build()
        return self._done(up.main(given))

    def down(self, *arguments: str) -> Done:
        return self._done(down.main(["--stack", self.account.stack, *arguments]))

    def _done(self, status: int) -> Done:
        printed = self.capsys.readouterr()
        return Done(status, printed.out, printed.err)

    def write(self, role: str) -> None:
        text = json.dumps(document(grant(role=role)))
        (self.account.folder / POLICY).write_text(text.replace(".example", ".invalid"))


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def account(moto_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account(moto_url, tmp_path / "a checkout")
    for name, value in made.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def make(account: Account, capsys: pytest.CaptureFixture[str]) -> Commands:
    commands = Commands(account, capsys)
    commands.write(ROLE)
    return commands


def test_one_line_deploys_without_a_question(make: Commands) -> None:
    done = make.up("--topic", "arn:aws:sns:eu-west-1:123456789012:pager", "--parameters", "LogLevel=DEBUG Tracing=true")
    assert done.status == 0, done.err
    assert make.account.overrides() == {
        "PolicyKey": "policy.yaml",
        "AssumableRoleArns": ROLE,
        "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:pager",
        "LogLevel": "DEBUG",
        "Tracing": "true",
    }
    asked = make.account.sam_arguments()
    assert asked[:5] == ["deploy", "--stack-name", make.account.stack, "--region", REGION]
    assert "--no-confirm-changeset" in asked
    assert f"creates the stack {make.account.stack} in {ACCOUNT}, {REGION}" in done.out


def test_the_policy_that_is_deployed_is_compiled(make: Commands) -> None:
    source = (make.account.folder / POLICY).read_bytes()
    assert make.up().status == 0
    assert make.account.overrides()["PolicyKey"] == "policy.yaml"
    built = [path.read_bytes() for path in make.account.built.glob("*/exchange/policy.yaml")]
    assert [is_compiled(content) for content in built] == [True, True]
    # So that `sam build` and `sam deploy` by hand deploy what is written there.
    assert (make.account.folder / POLICY).read_bytes() == source


def test_the_commands_that_follow_have_their_values(make: Commands) -> None:
    make.account.deploy({"AssumableRoleArns": ROLE})
    done = make.up()
    assert "token-exchange doctor https://x.example" in done.out
    assert "--exchange https://x.example\n" in done.out
    assert f"--broker-role arn:aws:iam::{ACCOUNT}:role/exchange" in done.out


def test_make_passes_its_variables_on() -> None:
    given = {"ROLES": ROLE, "STACK": "mine", "REGION": REGION, "PARAMETERS": "A=1 B=2", "URL": "https://x.example"}
    command = ["make", "-n", "deploy", *(f"{name}={value}" for name, value in given.items())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if "deploy.up" in line]
    assert ["--check" in line for line in lines] == [True, False]
    for line in lines:
        assert f"--roles '{ROLE}'" in line
        assert "--stack 'mine'" in line
    assert "--parameters 'A=1 B=2'" in done.stdout


def test_every_parameter_that_is_passed_is_the_templates(make: Commands) -> None:
    class Loader(yaml.CSafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    declared = yaml.load((ROOT / "template.yaml").read_text(), Loader=Loader)["Parameters"]  # noqa: S506 - a CSafeLoader
    assert make.up("--roles", ROLE, "--topic", "t", "--url", "u", "--docs", "d").status == 0
    assert make.account.overrides().keys() <= declared.keys()
    assert len(make.account.overrides()) == 5


def test_the_deployers_rights_name_every_service_of_the_template() -> None:
    rights = " ".join(row[0] for row in page("docs/getting-started.md").table("2. Deploy") if len(row) == 2)
    names = {"Serverless": "Lambda", "Logs": "CloudWatch Logs"}
    kinds = set(re.findall(r"Type: AWS::([A-Za-z]+)::", (ROOT / "template.yaml").read_text()))
    assert {names.get(kind, kind) for kind in kinds if names.get(kind, kind) not in rights} == set()


def test_check_does_not_deploy(make: Commands) -> None:
    assert make.up("--check").status == 0
    assert make.account.sam_arguments() == []


def test_a_later_deployment_keeps_the_roles(make: Commands) -> None:
    pattern = f"arn:aws:iam::{ACCOUNT}:role/ci-*"
    make.account.deploy({"AssumableRoleArns": pattern})
    again = make.up("--check")
    assert again.status == 0
    assert "updates the stack" in again.out
    assert "AssumableRoleArns" not in again.out
    make.write(f"arn:aws:iam::{ACCOUNT}:role/other")
    refused = make.up("--check")
    assert refused.status == 1
    assert f"make deploy ROLES={pattern},arn:aws:iam::{ACCOUNT}:role/other" in refused.err


def test_a_policy_that_is_a_folder_is_deployed(make: Commands) -> None:
    folder = make.account.folder / "functions/exchange/policy"
    folder.mkdir()
    (folder / "policy.yaml").write_bytes((make.account.folder / POLICY).read_bytes())
    done = make.up(policy="functions/exchange/policy")
    # The folder is read as one: grants belong in files of their own there.
    assert "in a folder, grants belong in files grants/NAME.yaml" in done.err
    whole = document(grant(role=ROLE, contact="#team"))
    bounds: dict[str, Json] = {
        "issuers": ["github"],
        "organizations": [{"name": "nordlicht", "id": "4400117"}],
        "registries": ["apps"],
        "roles": [ROLE],
        "repository_prefixes": ["base/"],
    }
    grants = [grant(role=ROLE, match={"organization": "nordlicht", "organization_id": "4400117"})]
    del whole["grants"]
    (folder / "grants").mkdir()
    whole["files"] = {"grants/team.yaml": bounds}
    (folder / "policy.yaml").write_text(json.dumps(whole).replace(".example", ".invalid"))
    (folder / "grants/team.yaml").write_text(json.dumps({"grants": grants}))
    done = make.up(policy="functions/exchange/policy")
    assert done.status == 0, done.err
    assert make.account.overrides()["PolicyKey"] == "policy"
    assert all(path.is_file() for path in make.account.built.glob("*/exchange/policy"))


def test_a_policy_outside_of_the_checkout_is_copied(make: Commands, tmp_path: Path) -> None:
    text = (make.account.folder / POLICY).read_bytes()
    folder = tmp_path / "a repository"
    folder.mkdir()
    (folder / "policy.yaml").write_bytes(text)
    for _ in range(2):
        assert make.up(policy=str(folder / "policy.yaml")).status == 0
        assert make.account.overrides()["PolicyKey"] == "policy-copy/policy.yaml"
    assert (make.account.folder / "functions/exchange/policy-copy/policy.yaml").read_bytes() == text
    built = [path.read_bytes() for path in make.account.built.glob("*/exchange/policy-copy/policy.yaml")]
    assert [is_compiled(content) for content in built] == [True, True]


def test_with_a_separate_role_no_roles_are_passed(make: Commands) -> None:
    assert make.up("--parameters", "BrokerRoleName=exchange-broker").status == 0
    assert make.account.overrides() == {"PolicyKey": "policy.yaml", "BrokerRoleName": "exchange-broker"}


def test_a_policy_elsewhere_needs_the_roles_once(make: Commands) -> None:
    refused = make.up("--parameters", "PolicySource=appconfig", policy="none.yaml")
    assert (refused.status, "give ROLES=" in refused.err) == (1, True)
    assert make.up("--parameters", "PolicySource=appconfig", "--roles", ROLE, policy="none.yaml").status == 0
    make.account.deploy({"PolicySource": "appconfig", "AssumableRoleArns": ROLE})
    assert make.up("--check", policy="none.yaml").status == 0


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials: Unable to locate credentials;"),
        ({"AWS_PROFILE": "nobody"}, "no AWS credentials: The config profile (nobody) could not be found; log in"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials: Partial credentials found in env"),
        ({"AWS_REGION": ""}, "no AWS region: give REGION=eu-west-1"),
        ({"AWS_REGION": "eu west 1"}, "AWS cannot be reached"),
    ],
)
def test_missing_input_is_reported_before_the_build(
    make: Commands, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    for name, value in variables.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)
    done = make.up("--check")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"not deployed: {says}")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(("source", "lines"), [("file", 3), ("s3", 2)])
def test_what_is_wrong_is_reported_at_once(
    make: Commands, monkeypatch: pytest.MonkeyPatch, source: str, lines: int
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    done = make.up("--check", "--parameters", f"PolicySource={source}", policy="new/policy.yaml")
    assert (done.status, done.out) == (1, "")
    # What is wrong on this machine comes first.
    of_policy = "there is no policy new/policy.yaml: `token-exchange init new` writes one, for POLICY=new/policy.yaml"
    of_account = ["no AWS region: give REGION=eu-west-1, or set AWS_REGION", f"no AWS credentials: {LOG_IN}"]
    assert done.err.splitlines() == [f"not deployed: {problem}" for problem in [of_policy, *of_account][-lines:]]


def test_an_impossible_deployment_gives_a_message(make: Commands) -> None:
    assert "there is no policy functions/exchange/none.yaml" in make.up(policy="functions/exchange/none.yaml").err
    (make.account.folder / "elsewhere.yaml").write_text("version: 1")
    assert "the policy does not load" in make.up(policy="elsewhere.yaml").err
    assert "expected KEY=VALUE, separated by spaces, found LogLevel" in make.up("--parameters", "LogLevel").err
    assert "set Architecture before the build" in make.up("--parameters", "Architecture=x86_64").err
    make.write("arn:aws:iam::123456789012:user/x")
    assert "the policy does not load" in make.up().err
    assert make.account.sam_arguments() == []


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("Dor=rest-private", "the template has no parameter Dor; did you mean Door?"),
        ("zzz=1", "the template has no parameter zzz"),
        (
            "KmsKeyArn=arn:aws:kms:us-east-1:111122223333:key/0a1b",
            f"KmsKeyArn is in us-east-1; name one in {REGION}, where the stack is",
        ),
        (
            "AlarmTopicArn=arn:aws:sns:us-east-1:111122223333:page",
            f"AlarmTopicArn is in us-east-1; name one in {REGION}, where the stack is",
        ),
        (
            "ReservedConcurrency=5 ProvisionedConcurrency=10",
            "ProvisionedConcurrency is 10, above the 5 of ReservedConcurrency",
        ),
    ],
)
def test_parameters_that_cannot_work_are_refused(make: Commands, parameters: str, says: str) -> None:
    done = make.up("--parameters", parameters)
    assert (done.status, done.err) == (1, f"not deployed: {says}\n")
    assert make.account.sam_arguments() == []


def test_parameters_that_work_are_passed_on(make: Commands) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b"
    given = {"KmsKeyArn": key, "ReservedConcurrency": "10", "ProvisionedConcurrency": "10"}
    assert make.up("--parameters", " ".join(f"{name}={value}" for name, value in given.items())).status == 0
    assert given.items() <= make.account.overrides().items()


def test_the_policy_of_the_documents_is_not_deployed(make: Commands) -> None:
    (make.account.folder / POLICY).write_text((ROOT / "docs/examples/policy.yaml").read_text())
    done = make.up()
    assert done.status == 1
    assert "examples: the organization acme with the id 7001, the account 111122223333; replace them" in done.err


# ----------------------------------------------------------------------------------------------------------- undeploy


def test_the_stack_is_removed_but_not_the_audit_records(make: Commands) -> None:
    make.account.deploy({"AssumableRoleArns": ROLE})
    done = make.down("--confirm", make.account.stack)
    assert done.status == 0, done.err
    assert make.account.what_there_is() == {"logs"}
    assert f"keeping {make.account.stack}, which has the audit lines" in done.out


def test_the_audit_records_are_removed_on_request(make: Commands) -> None:
    make.account.deploy({"AssumableRoleArns": ROLE})
    done = make.down("--confirm", make.account.stack, "--logs", "delete")
    assert done.status == 0, done.err
    assert make.account.what_there_is() == set()


@pytest.mark.parametrize("confirm", ["", "Exchange", "yes"])
def test_nothing_is_removed_without_the_stacks_name(make: Commands, confirm: str) -> None:
    make.account.deploy({"AssumableRoleArns": ROLE})
    done = make.down("--confirm", confirm)
    assert (done.status, done.err) == (2, f"nothing removed: not confirmed; give CONFIRM={make.account.stack}\n")
    assert make.account.what_there_is() == {"stack", "table", "logs"}


def test_a_missing_stack_is_reported(make: Commands) -> None:
    stack = make.account.stack
    done = make.down("--confirm", stack)
    assert (done.status, done.err) == (2, f"nothing removed: there is no stack {stack} in {ACCOUNT}, {REGION}\n")

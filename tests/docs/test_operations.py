"""The runbooks: each command of the AWS CLI is one that it takes, and each document one that loads."""

import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from probe import probe
from sandbox.aws.policy_grammar import parse_policy
from sandbox.loopback import HOST, listen
from tests.docs.pages import ROOT, Block, blocks, code_in, page
from tests.requirements_present import AWS_CLI
from token_exchange.loading.brake import with_brake
from token_exchange.loading.load import load_policy

PAGE = page("docs/operations.md")
NAMED = {use: block.text for block in PAGE.blocks if block.language == "json" and (use := block.use)}
FILES = {
    "brake.json": NAMED["brake"],
    "revoke.json": NAMED["revoke"],
    "registry.json": NAMED["registry"],
    "parameters.json": "[]",
    "policy.yaml": "version: 1",
    "probe.pem": "a key",
    "show.json": "{}",
    "roles.yaml": "Resources: {}",
}

IN_ONE_PROCESS = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from awscli.clidriver import create_clidriver
found, driver = [], create_clidriver()
for command in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = driver.main(command)
        except SystemExit as ended:
            status = ended.code
    found.append([status, out.getvalue(), err.getvalue()])
json.dump(found, sys.stdout)
"""
"""The AWS CLI takes a second to start, and the runbooks have some twenty commands."""


def commands_in(text: str) -> list[str]:
    """Return the commands of a shell block, one for each line that is not continued."""
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def aws_commands(blocks: Sequence[Block], prose: str) -> list[list[str]]:
    """Return each command of the AWS CLI as its arguments, without redirections; what it takes from others is 1."""
    lines = [line for block in blocks if block.language == "bash" for line in commands_in(block.text)]
    lines += [code for code in code_in(prose) if " --" in code]
    return [
        shlex.split(re.sub(r"\$\([^)]*\)", "1", line.partition(" > ")[0]))[1:]
        for line in lines
        if line.startswith("aws ")
    ]


COMMANDS = aws_commands(PAGE.blocks, PAGE.prose)


def test_the_commands_are_found() -> None:
    named = {" ".join(command[:2]) for command in COMMANDS}
    assert {"dynamodb put-item", "appconfig stop-deployment", "lambda put-function-concurrency"} <= named
    assert len(COMMANDS) >= 15


@pytest.mark.aws_cli
def test_the_aws_cli_accepts_each_command(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "roles").mkdir()
    (tmp_path / "roles" / "roles-1.json").write_text("{}")
    with listen(0) as closed:
        port = closed.getsockname()[1]
    # The CLI reads files and checks parameters before it connects, to a port at which no one listens.
    environment = {
        "PATH": "/usr/bin:/bin",
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ACCESS_KEY_ID": "ASIANOBODY",
        "AWS_SECRET_ACCESS_KEY": "opens-nothing",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(
        [AWS_CLI.with_name("python"), "-c", IN_ONE_PROCESS],
        input=json.dumps(COMMANDS),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
        check=True,
    )
    refused = [
        (" ".join(command), out + err)
        for command, (_, out, err) in zip(COMMANDS, json.loads(done.stdout), strict=True)
        if "Could not connect to the endpoint URL" not in err
    ]
    assert refused == []


@pytest.mark.parametrize("use", ["brake", "brake-issuer"])
def test_each_brake_loads_beside_the_example_policy(use: str) -> None:
    policy = load_policy((ROOT / "docs/examples/policy.yaml").read_bytes(), name="policy.yaml", read_file=None)
    item = json.loads(NAMED[use])
    assert item["pk"] == {"S": "brake"}
    assert len(with_brake(policy, item["document"]["S"].encode()).deny) > len(policy.deny)


def test_the_probe_is_trusted_by_its_example() -> None:
    ((_, example),) = blocks("yaml", "probe")
    key = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    for name in ("x", "y"):
        example = example.replace(f'"{name}": "…"', f'"{name}": "{key[name]}"')
    rest = 'version: 1\nregistries: {apps: {type: ecr, account: "111122223333", region: eu-west-1}}\n'
    policy = load_policy(f"{rest}{example}".encode(), name="policy.yaml", read_file=None)
    issuer = policy.issuers["probe"]
    assert issuer.trust.url == probe.ISSUER
    assert [organization.name for organization in issuer.organizations] == [probe.ORGANIZATION]


def test_each_denial_is_a_valid_iam_policy() -> None:
    (statement,) = parse_policy(NAMED["revoke"], kind="identity").statements
    assert not statement.allows
    (denial,) = json.loads(NAMED["registry"])["Statement"]
    # A resource policy is an identity policy with principals.
    del denial["Principal"]
    (of_registry,) = parse_policy(
        json.dumps({"Version": "2012-10-17", "Statement": [denial]}), kind="identity"
    ).statements
    assert not of_registry.allows
    assert of_registry.conditions == statement.conditions


def test_every_target_of_make_exists() -> None:
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines()}
    named = {code.split()[1] for code in code_in(PAGE.prose) if code.startswith("make ")}
    assert named
    assert named <= targets

"""Deploys the built service to an emulator of AWS, and uses it: `python -m deploy_check`.

A first deployment that fails, then one that does not: health, a login, all three sources of the policy by updates of
the stack, and its deletion. Each deployment is a real `sam deploy` of the real build; only the template's copy is
adapted to the emulator, in `gaps.py`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import boto3
import yaml
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.compile_policy import compile_policy
from deploy_check.deployment import Deployment
from deploy_check.emulator import AwsEmulator, EmulatorFailed
from deploy_check.gaps import failing_template, open_template
from live_check.aws import AwsAccount
from live_check.issuer import ThrowAwayIssuer
from live_check.place import LiveCheckFailed
from live_check.stacks import new_base
from sandbox.curl import CurlFailed, post
from sandbox.evidence import Unexpected, expect, object_of
from sandbox.lambda_build import machine_architecture, sam_command
from sandbox.state import DEFAULT_FOLDER, make_folder

FOLDER: Final = DEFAULT_FOLDER / "deploy"
BUILD: Final = FOLDER / "build"
_PYTHON: Final = sys.executable


class BuildFailed(Exception):
    """The build failed; the message says how."""


def main() -> int:
    """Return 0 if every step ends as expected, else 1."""
    make_folder(DEFAULT_FOLDER)
    log_path = make_folder(FOLDER) / "log"
    try:
        with log_path.open("wb") as log:
            with step("build for this machine"):
                build(log)
            with step("start the emulator"):
                emulator = AwsEmulator(output=log)
            with emulator:
                # boto3 and SAM read where AWS is from the environment, and no account of this machine.
                for name in [name for name in os.environ if name.startswith("AWS_")]:
                    del os.environ[name]
                nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
                os.environ.update(emulator.variables() | nothing)
                check(emulator, log)
    except (BuildFailed, EmulatorFailed, LiveCheckFailed, Unexpected, CurlFailed, ClientError) as error:
        print(f"deploy-check: {error}; the messages of SAM and the emulator are in {log_path}", file=sys.stderr)
        return 1
    print("\ndeploy-check: all steps ended as expected")
    return 0


def build(log: IO[bytes]) -> None:
    """Build what a deployment for this machine's architecture would be, since the emulator runs it here.

    Raises:
        BuildFailed: a command failed.
    """
    parameters = ["--parameter-overrides", f"Architecture={machine_architecture()}"]
    for command in (
        [*sam_command(), "build", "--config-env", "sandbox", "--build-dir", str(BUILD), *parameters],
        [_PYTHON, "deploy/compile_bytecode.py", str(BUILD)],
        [_PYTHON, "deploy/settle_architecture.py", str(BUILD), "/dev/null"],
    ):
        if (status := subprocess.run(command, stdout=log, stderr=log, check=False).returncode) != 0:
            raise BuildFailed(f"{' '.join(command[:3])} ended with status {status}")
    template = BUILD / "template.yaml"
    template.write_text(open_template(template.read_text("utf-8")), "utf-8")


def check(emulator: AwsEmulator, log: IO[bytes]) -> None:
    """Deploy, use, change and delete the service.

    Raises:
        Unexpected: a step ended otherwise.
        LiveCheckFailed: a deployment failed.
    """
    with step("a first deployment that fails"):
        check_failed_creation(emulator, log)
    issuer = ThrowAwayIssuer()
    account = _account(BUILD, log)
    names = account.names
    with step("a deployment with the policy in the package"):
        place = account.create(issuer)
    policy = issuer.policy(account=names.account, region=_region(), role=names.role_arn(names.push_role), own=names.own)
    parameters = {"AssumableRoleArns": names.role_arn(names.push_role), "PolicyMaxAgeSeconds": "1"}
    deployment = Deployment(names, emulator=emulator, build=BUILD, sam=sam_command(), parameters=parameters)
    with step("health, with this policy"):
        deployment.wait_for(policy)
    with step("a login, through the gateway and with the deployed roles"):
        deployment.open_role()
        reply = post(f"{emulator.api_url(place.exchange_url)}/v1/token", token=issuer.token(now=time.time()))
        deployment.copy_log(log)
        expect(reply.status == 200, f"expected a login, found status {reply.status}, {reply.body.get('reason')}")  # noqa: PLR2004 - HTTP
    with step("the refresher of key sets"):
        succeeded, answer = deployment.invoke("RefreshKeysFunction", {})
        expect(succeeded, f"expected the refresher to work, found {answer}")
    check_sources(deployment, policy, bucket=names.bucket, log=log)
    with step("the deletion, which leaves the state table"):
        deployment.delete()


def check_failed_creation(emulator: AwsEmulator, log: IO[bytes]) -> None:
    """Fail the first deployment at its last resource, and check that everything but the state table is removed.

    A protected table cannot be deleted in AWS, so a rollback that tries to would fail. The emulator deletes it.

    Raises:
        Unexpected: the deployment did not fail, or its rollback did not end as expected.
    """
    failing = FOLDER / "failing"
    shutil.rmtree(failing, ignore_errors=True)
    shutil.copytree(BUILD, failing)
    template = failing / "template.yaml"
    template.write_text(failing_template(template.read_text("utf-8")), "utf-8")
    account = _account(failing, log)
    try:
        account.create(ThrowAwayIssuer())
    except LiveCheckFailed:
        pass
    else:
        raise Unexpected("expected the first deployment to fail, found that it succeeded")
    deployment = Deployment(account.names, emulator=emulator, build=failing, sam=sam_command(), parameters={})
    expect(deployment.status() == "ROLLBACK_COMPLETE", f"expected ROLLBACK_COMPLETE, found {deployment.status()}")
    expect(len(deployment.tables()) == 1, "the rollback deleted the state table, which AWS refuses if it is protected")
    left = account.remove()
    expect(left == [], f"expected nothing left after the failed deployment, found {left}")


def check_sources(deployment: Deployment, policy: str, *, bucket: str, log: IO[bytes]) -> None:
    """Change the deployment to the two other sources of a policy, and back.

    Raises:
        Unexpected: a policy was not in force, or the validator is wrong about one.
    """
    with step("an update to a policy in S3"):
        in_s3 = f"{policy}# in S3\n"
        put_in_s3(in_s3, bucket)
        deployment.deploy(log, PolicySource="s3", PolicyBucket=bucket, ProbeSecretArn=new_probe_secret())
        deployment.wait_for(in_s3)
    with step("the probe, which asks a version with its own role"):
        with_probe = trusting_probe(policy, deployment.answer("ProbeFunction", {"show": "jwks"}))
        put_in_s3(with_probe, bucket)
        deployment.wait_for(with_probe)
        found = deployment.answer("ProbeFunction", {"version": deployment.version()})
        expect((found.get("granted"), found.get("refused")) == (200, 401), f"expected a login and a refusal: {found}")
    with step("an update to a policy by AppConfig"):
        deployment.deploy(log, PolicySource="appconfig")
        in_appconfig = f"{policy}# in AppConfig\n"
        expect(deployment.validates(in_appconfig), "the validator refuses a policy that loads")
        expect(not deployment.validates("version: 2\n"), "the validator accepts a policy that does not load")
        deployment.put_in_appconfig(in_appconfig)
        deployment.wait_for(in_appconfig)
    with step("an update back to a policy in the package, compiled"):
        packaged = f"{policy}# in the package again\n"
        for package in BUILD.glob("*/exchange"):
            (package / "policy.yaml").write_text(packaged, "utf-8")
        # As `make deploy` does. The identity that health states is still that of the source.
        compile_policy(BUILD, "policy.yaml")
        deployment.deploy(log, PolicySource="file")
        deployment.wait_for(packaged)


def put_in_s3(policy: str, bucket: str) -> None:
    """Make a policy the one in the bucket."""
    boto3.Session().client("s3").put_object(Bucket=bucket, Key="policy.yaml", Body=policy.encode())


def new_probe_secret() -> str:
    """Create the secret with a key for the probe, and return its ARN."""
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
    return boto3.Session().client("secretsmanager").create_secret(Name="probe", SecretString=pem)["ARN"]


def trusting_probe(policy: str, shown: Mapping[str, object]) -> str:
    """Return a policy of the throw-away issuer that trusts the probe's too, for the same repository."""
    document = object_of(yaml.safe_load(policy), "policy")
    match document:
        case {"issuers": {"check": dict() as issuer}, "grants": [dict() as first]}:
            # The probe's tokens have no repository.
            check = {name: value for name, value in issuer.items() if name != "claims"}
            own = {name: value for name, value in first.items() if name != "match"}
        case _:
            raise Unexpected("expected a policy with one issuer, check, and one grant")
    issuers = object_of(document["issuers"], "issuers")
    issuers["probe"] = {**check, **shown, "organizations": [{"name": "probe"}]}
    probe = {**own, "name": "probe", "issuers": ["probe"], "access": "pull"}
    return json.dumps(document | {"issuers": issuers, "grants": [first, probe]})


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print a step that succeeded, with its time."""
    started = time.monotonic()
    yield
    print(f"  ok  {name:<62} {time.monotonic() - started:5.1f} s", flush=True)


def _region() -> str:
    return os.environ["AWS_REGION"]


def _account(build: Path, log: IO[bytes]) -> AwsAccount:
    return AwsAccount(boto3.Session(), base=new_base(), build=build, sam=sam_command(), say=lambda _: None, output=log)


if __name__ == "__main__":
    sys.exit(main())

"""A pipeline's step that gets a login: one curl, against the AWS CLI as the tutorials of CI systems use it.

What counts is what the runner pays: the step's shell and all that it starts, until the password is in a file. All
ways end at the same STS and ECR, which are the sandbox's, as is the service, in separate processes.
"""

import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.processes import Spent, run_timed
from sandbox import account
from sandbox.aws.oidc_providers import OidcProvider
from sandbox.aws.principals import make_role
from sandbox.backends import Backends
from sandbox.service import Service

AIM: Final = 1 / 20
LIMIT: Final = 1 / 10
AWS_CLI: Final = Path(".tools") / "aws-cli" / "bin" / "aws"
_TITLE: Final = "A step of a pipeline"
_ROLE: Final = f"arn:aws:iam::{account.APPS_ACCOUNT}:role/ci-direct"

_CURL: Final = """\
set -eu
printf 'Authorization: Bearer %s' "$TOKEN" |
  curl -sSf -H @- -X POST -o login "$EXCHANGE/v1/token?registry=apps&format=password"
"""
_TWO_CALLS: Final = """\
set -eu
found=$("$AWS" sts assume-role-with-web-identity --role-arn "$ROLE" --role-session-name job \\
  --web-identity-token "$TOKEN" --output text \\
  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]')
set -- $found
export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2" AWS_SESSION_TOKEN="$3"
"$AWS" ecr get-login-password > login
"""
_ONE_CALL: Final = """\
set -eu
printf %s "$TOKEN" > token
export AWS_ROLE_ARN="$ROLE" AWS_ROLE_SESSION_NAME=job AWS_WEB_IDENTITY_TOKEN_FILE="$PWD/token"
"$AWS" ecr get-login-password > login
"""
_STEPS: Final = {"curl": _CURL, "two calls": _TWO_CALLS, "one call": _ONE_CALL}


def measure(folder: Path, *, rounds: int) -> Part:
    """Return what part of the AWS CLI's time a curl takes, processor's and wall clock's."""
    if not AWS_CLI.exists():
        return Part(title=_TITLE, method="Left out: the AWS CLI is missing; `make bench` brings it.", figures=())
    if shutil.which("curl") is None:
        return Part(title=_TITLE, method="Left out: curl is not installed.", figures=())
    with (
        Path(os.devnull).open("wb") as nowhere,
        Backends(folder) as backends,
        Service(child_environment(backends), output=nowhere) as service,
    ):
        _trust_directly(backends)
        environment = _runner(backends, service)
        samples = _samples(backends, environment, folder, rounds)
    return _comparison(samples, rounds)


def _samples(backends: Backends, environment: Mapping[str, str], folder: Path, rounds: int) -> dict[str, list[Spent]]:
    samples: dict[str, list[Spent]] = {name: [] for name in _STEPS}
    order = list(_STEPS.items())
    login = folder / "login"
    for counted in (False, *[True] * rounds):
        order.reverse()
        for name, step in order:
            spent = run_timed(["sh", "-c", step], environment, folder=folder)
            assert backends.aws.registry.login(login.read_text().strip()) is not None, f"{name}: no login"
            login.unlink()
            if counted:
                samples[name].append(spent)
    return samples


def _comparison(samples: Mapping[str, list[Spent]], rounds: int) -> Part:
    wall = {name: median(spent.wall_seconds for spent in found) for name, found in samples.items()}
    processor = {name: median(spent.processor_seconds for spent in found) for name, found in samples.items()}
    return Part(
        title=_TITLE,
        method=(
            "What a runner spends to turn a job's token into a registry password in a file, in three ways: one `curl`; "
            "`aws sts assume-role-with-web-identity`, followed by `aws ecr get-login-password`; and only the second of "
            f"these, with the role and the token's file in variables. The AWS CLI is {_version()}; version 2 is also a "
            "Python program. All in one run against the same loopback AWS, without network latency. Medians of "
            f"{rounds} each, interleaved."
        ),
        figures=(
            Figure(
                name="curl / two calls of the AWS CLI, processor time",
                value=processor["curl"] / processor["two calls"], unit="times", aim=AIM, limit=LIMIT,
            ),
            Figure(
                name="curl / one call of the AWS CLI, processor time",
                value=processor["curl"] / processor["one call"], unit="times", aim=AIM, limit=LIMIT,
            ),
            Figure(
                name="curl / two calls of the AWS CLI, wall clock",
                value=wall["curl"] / wall["two calls"], unit="times",
            ),
            *(
                Figure(name=f"{name}, {clock}", value=found[way] * 1e3, unit="ms")
                for way, name in (
                    ("curl", "one curl"),
                    ("two calls", "two calls of the AWS CLI"),
                    ("one call", "one call of the AWS CLI"),
                )
                for clock, found in (("processor time", processor), ("wall clock", wall))
            ),
        ),
    )  # fmt: skip


def _version() -> str:
    said = subprocess.run([AWS_CLI, "--version"], capture_output=True, text=True, check=True).stdout
    version = said.partition(" ")[0].removeprefix("aws-cli/")
    assert version.startswith("1."), said
    return version


def _runner(backends: Backends, service: Service) -> dict[str, str]:
    """Return a runner's variables: a token, and no AWS credentials."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "TOKEN": backends.issuer.mint("github-actions", audience=backends.audience, lifetime_seconds=3600),
        "EXCHANGE": service.url,
        "NO_PROXY": "*",
        "AWS": str(AWS_CLI.absolute()),
        "ROLE": _ROLE,
        "AWS_ENDPOINT_URL": backends.aws.url,
        "AWS_DEFAULT_REGION": account.REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _trust_directly(backends: Backends) -> None:
    """Let a role trust the CI system directly, without the exchange."""
    provider = OidcProvider(
        account=account.APPS_ACCOUNT,
        issuer=backends.issuer.issuer_url("github-actions"),
        client_ids=(backends.audience,),
        authority=ssl.create_default_context(cafile=str(backends.issuer.ca_bundle)),
    )
    backends.aws.principals.put_oidc_provider(provider)
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{provider.address}:aud": backends.audience}},
    }
    permissions = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    backends.aws.principals.put_role(make_role(_ROLE, trust=_policy(trust), permissions=[_policy(permissions)]))


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

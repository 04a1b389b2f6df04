"""The page of AWS CodeBuild with the real AWS CLI: its step, with the permission that the page gives the build's role.

tests/docs/test_ci.py runs the same step where there is no AWS CLI, with a program that only prints a token.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import yaml

from sandbox import account
from sandbox.aws.principals import Session, make_role, new_access_key_id, new_secret
from sandbox.backends import Backends
from sandbox.loopback import Server
from sandbox.service import Service
from tests.docs.ci_systems import EXCHANGE, only_block
from tests.docs.pages import Page, page
from tests.docs.shell import Shell
from tests.front_door import forwarding
from tests.requirements_present import AWS_CLI
from tests.tls_server import authority, loopback_context

pytestmark = [pytest.mark.aws_cli, pytest.mark.program("curl")]

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
BUILD_ROLE = f"arn:aws:iam::{account.BUILDS_ACCOUNT}:role/codebuild/shop-images"
NOBODY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}'


def _page() -> Page:
    return page("docs/ci/aws-codebuild.md")


def _permission() -> str:
    return only_block(_page(), "json", "")


@cache
def _step() -> str:
    (script,) = yaml.safe_load(only_block(_page(), "yaml", "pipeline"))["phases"]["pre_build"]["commands"]
    return str(script)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """A service with the policy of the page, and an AWS whose roles run builds."""

    backends: Backends
    front: str
    """The service by TLS, without which no step sends a token."""

    def run(
        self,
        folder: Path,
        *,
        role: str = BUILD_ROLE,
        permission: str | None = None,
        script: str | None = None,
        **changes: str,
    ) -> "Build":
        """Run the step of the page, or `script` instead, as a build with `role`."""
        session = self.backends.aws.principals.remember(
            Session(
                role=make_role(role, trust=NOBODY, permissions=[_permission() if permission is None else permission]),
                name="AWSCodeBuild-7",
                access_key_id=new_access_key_id(),
                secret_access_key=new_secret(size_bytes=30),
                session_token=new_secret(size_bytes=600),
                expires_at=None,
            )
        )
        bundle = folder / "ca-of-the-front.pem"
        bundle.write_text(authority().bundle)
        shell = Shell(folder=folder, ca_bundle=bundle)
        (folder / "temporary").mkdir()
        # Written down like curl's: no token may be on its command line either.
        shell.program("aws", f'#!/bin/sh\nprintf \'%s\\n\' "$*" >>"$SEEN/aws"\nexec {shlex.quote(str(AWS_CLI))} "$@"\n')
        variables = {
            "EXCHANGE": self.front,
            "AUDIENCE": EXCHANGE,
            "TMPDIR": str(folder / "temporary"),
            "REGISTRY": HOST,
            "AWS_REGION": account.REGION,
            "AWS_ENDPOINT_URL_STS": self.backends.aws.url,
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "AWS_EC2_METADATA_DISABLED": "true",
            **changes,
        }
        return Build(shell=shell, done=shell.run(script or _step(), **variables))


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A step that has run."""

    shell: Shell
    done: subprocess.CompletedProcess[str] = field(repr=False)

    @property
    def printed(self) -> str:
        return self.done.stdout + self.done.stderr

    def left(self) -> set[str]:
        """Return the files that the step left behind, without those that the shell's programs wrote."""
        own = {"script", "docker", "curl", "aws", "password", "ca-of-the-front.pem"}
        return {path.name for path in self.shell.folder.rglob("*") if path.is_file()} - own


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    folder = tmp_path_factory.mktemp("builds")
    with ExitStack() as stack:
        backends = stack.enter_context(Backends(folder))
        policy = yaml.safe_load(only_block(_page(), "yaml", "policy"))
        # The account's issuer is an address of AWS's; its keys are served by the sandbox.
        policy["issuers"]["builds"] |= {
            "jwks_url": backends.issuer.tokens.keys_url("aws-sts"),
            "ca_bundle": str(backends.issuer.ca_bundle),
        }
        path = folder / "of-the-page.yaml"
        path.write_text(yaml.safe_dump(policy))
        log = stack.enter_context((folder / "log").open("wb"))
        environment = {**backends.environment(), "TOKEN_EXCHANGE_POLICY": f"file:{path}"}
        service = stack.enter_context(Service(environment, output=log, errors=log))
        front = stack.enter_context(Server(forwarding(service.url), tls=loopback_context()))
        yield Builds(backends=backends, front=f"https://127.0.0.1:{front.port}")


@pytest.fixture(autouse=True)
def _record_of_this_test_alone(builds: Builds) -> None:
    builds.backends.aws.forget_requests()


def test_a_build_with_the_role_of_the_page_is_logged_in(builds: Builds, tmp_path: Path) -> None:
    build = builds.run(tmp_path)
    assert build.done.returncode == 0, build.printed
    assert build.shell.seen("docker") == f"login --username AWS --password-stdin {HOST}\n"
    password = build.shell.seen("password")
    assert builds.backends.aws.registry.login(password) is not None
    (asked,) = builds.backends.aws.requests("sts:GetWebIdentityToken")
    assert (asked.error, asked.region) == (None, account.REGION)
    assert asked.parameters == {
        "Audience.member.1": EXCHANGE,
        "SigningAlgorithm": "RS256",
        "DurationSeconds": "300",
    }
    # A JWT begins with {" in base64: none is in a process list or in the log, and nothing stays behind.
    shown = build.shell.seen("aws") + build.shell.seen("curl") + build.printed
    assert "eyJ" not in shown
    assert password not in shown
    assert build.left() == set()


def test_a_build_with_another_role_is_refused_with_its_reason(builds: Builds, tmp_path: Path) -> None:
    build = builds.run(tmp_path, role=f"arn:aws:iam::{account.BUILDS_ACCOUNT}:role/nightly")
    assert build.done.returncode == 1
    assert 'no-matching-grant: "no grant allows this' in build.printed
    assert "eyJ" not in build.printed
    assert build.shell.seen("docker") == ""
    assert builds.backends.aws.requests("sts:AssumeRole") == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        # an account that has not allowed it
        ({"role": "arn:aws:iam::666655554444:role/codebuild/shop-images"}, "OutboundWebIdentityFederationDisabled"),
        # a role with no permission to ask
        ({"permission": _permission().replace("sts:GetWebIdentityToken", "sts:GetCallerIdentity")}, "AccessDenied"),
        # the permission of the page holds for one audience, and for no longer than the step asks
        ({"AUDIENCE": "https://elsewhere.example"}, "AccessDenied"),
        ({"permission": _permission().replace('"300"', '"299"')}, "AccessDenied"),
    ],
)
def test_without_a_token_the_step_fails_with_awss_message(
    builds: Builds, tmp_path: Path, changes: dict[str, str], error: str
) -> None:
    build = builds.run(tmp_path, **changes)
    assert build.done.returncode != 0
    assert error in build.printed
    assert any(error in row[0] for row in _page().table("What goes wrong"))
    assert build.shell.seen("curl") == build.shell.seen("docker") == ""
    assert build.left() == set()


def test_a_bare_audience_would_be_fetched(builds: Builds, tmp_path: Path) -> None:
    bare = _step().replace('"[\\"$AUDIENCE\\"]"', '"$AUDIENCE"')
    assert bare != _step()
    build = builds.run(tmp_path, script=bare, AUDIENCE=builds.backends.issuer.url)  # whose certificate the CLI rejects
    assert build.done.returncode != 0
    assert f"Unable to retrieve {builds.backends.issuer.url}" in build.printed
    assert any("Unable to retrieve https://" in row[0] for row in _page().table("What goes wrong"))
    assert builds.backends.aws.requests() == []


def test_the_pages_permission_is_for_its_steps_audience() -> None:
    (statement,) = json.loads(_permission())["Statement"]
    audience = yaml.safe_load(only_block(_page(), "yaml", "policy"))["issuers"]["builds"]["audience"]
    assert statement["Condition"]["ForAllValues:StringEquals"] == {"sts:IdentityTokenAudience": [audience]}

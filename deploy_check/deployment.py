"""One deployment of the built service in the emulator, as an operator changes it and a pipeline uses it."""

import base64
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol, TypedDict
from urllib.parse import urlsplit

import boto3

from deploy_check.emulator import AwsEmulator
from deploy_check.gaps import with_parameters
from live_check.stacks import Names
from sandbox.evidence import Unexpected, expect, object_of
from token_exchange.loading.load import load_policy

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

_SECONDS_UNTIL_IN_FORCE: Final = 60.0
_CALL_SECONDS: Final = 60.0


class _Event(TypedDict):
    message: str


class _Events(TypedDict):
    events: list[_Event]


class _Logs(Protocol):
    """The one call of CloudWatch Logs that is needed; its types are not among the development libraries."""

    def filter_log_events(self, *, logGroupName: str) -> _Events: ...  # noqa: N803 - AWS's names


class Deployment:
    """The stack `names.base`, of the build in `build`; `parameters` are those of every `sam deploy`."""

    def __init__(
        self, names: Names, *, emulator: AwsEmulator, build: Path, sam: Sequence[str], parameters: Mapping[str, str]
    ) -> None:
        self._names = names
        self._emulator = emulator
        self._build = build
        self._sam = sam
        self._parameters = dict(parameters)
        self._cloudformation: CloudFormationClient = boto3.Session().client("cloudformation")

    def deploy(self, log: IO[bytes], **parameters: str) -> None:
        """Run `sam deploy` with some parameters changed.

        Raises:
            Unexpected: it failed.
        """
        self._parameters |= parameters
        template = self._build.resolve() / "deployed.yaml"
        built = (self._build / "template.yaml").read_text("utf-8")
        template.write_text(with_parameters(built, self._parameters), "utf-8")
        command = [
            *self._sam,
            "deploy",
            *("--template-file", str(template), "--stack-name", self._names.base),
            *("--s3-bucket", self._names.bucket, "--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", *(f"{name}={value}" for name, value in self._parameters.items())),
        ]
        done = subprocess.run(command, cwd=self._build, stdout=log, stderr=log, check=False)
        expect(done.returncode == 0, f"sam deploy ended with status {done.returncode}")

    def status(self) -> str:
        """Return the stack's status."""
        return self._cloudformation.describe_stacks(StackName=self._names.base)["Stacks"][0]["StackStatus"]

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        outputs = self._cloudformation.describe_stacks(StackName=self._names.base)["Stacks"][0].get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}[name]

    def resources(self) -> dict[str, tuple[str, str]]:
        """Return type and name of each resource, by its name in the template."""
        found = self._cloudformation.describe_stack_resources(StackName=self._names.base)["StackResources"]
        return {
            each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
            for each in found
            if "PhysicalResourceId" in each
        }

    def url(self) -> str:
        """Return the base URL at which the emulator serves the HTTP API."""
        return self._emulator.api_url(f"https://{self.output('ApiId')}.any")

    def wait_for(self, policy: str) -> None:
        """Return when the service's health names `policy` as the one in force.

        Raises:
            Unexpected: it does not within a minute.
        """
        expected, found = load_policy(policy.encode(), name="policy.yaml", read_file=None).sha256[:12], ""
        until = time.monotonic() + _SECONDS_UNTIL_IN_FORCE
        while time.monotonic() < until:
            status, body = _get(f"{self.url()}/v1/health")
            found = f"status {status}, {body}"
            if status == 200 and object_of(body["policy"], "policy")["sha256"] == expected:  # noqa: PLR2004 - HTTP
                return
            time.sleep(1)  # a policy is looked for at a request, at most once a second
        raise Unexpected(f"expected the policy {expected} in force, found {found[:500]}")

    def invoke(self, logical_id: str, event: Mapping[str, object]) -> tuple[bool, object]:
        """Invoke a function of the stack; return whether it succeeded, and its answer."""
        client = boto3.Session().client("lambda")
        answer = client.invoke(FunctionName=self.resources()[logical_id][1], Payload=json.dumps(event))
        return not answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def answer(self, logical_id: str, event: Mapping[str, object]) -> dict[str, object]:
        """Invoke a function that must succeed, and return its answer.

        Raises:
            Unexpected: it failed.
        """
        succeeded, answer = self.invoke(logical_id, event)
        expect(succeeded, f"expected {logical_id} to succeed, found {answer}")
        return object_of(answer, logical_id)

    def version(self) -> str:
        """Return the ARN of the exchange's version that is deployed."""
        (arn,) = [arn for kind, arn in self.resources().values() if kind == "AWS::Lambda::Version"]
        return arn

    def validates(self, policy: str) -> bool:
        """Return whether the validator accepts a policy."""
        return self.invoke("ValidatePolicyFunction", {"content": base64.b64encode(policy.encode()).decode()})[0]

    def put_in_appconfig(self, policy: str) -> None:
        """Put a policy in force with the stack's AppConfig application, for all environments at once."""
        appconfig = boto3.Session().client("appconfig")
        application, profile = self.output("PolicyApplicationId"), self.output("PolicyProfileId")
        version = appconfig.create_hosted_configuration_version(
            ApplicationId=application,
            ConfigurationProfileId=profile,
            Content=policy.encode(),
            ContentType="application/x-yaml",
        )["VersionNumber"]
        appconfig.start_deployment(
            ApplicationId=application,
            EnvironmentId=self.output("PolicyEnvironmentId"),
            ConfigurationProfileId=profile,
            ConfigurationVersion=str(version),
            DeploymentStrategyId="AppConfig.AllAtOnce",
        )

    def delete(self) -> None:
        """Delete the stack, and check that the service is gone while the state table stays.

        Raises:
            Unexpected: the table is gone, or the service still answers.
        """
        table, url = self.resources()["StateTable"][1], self.url()
        self._cloudformation.delete_stack(StackName=self._names.base)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=self._names.base)
        expect(table in self.tables(), "the state table was deleted with the stack")
        status, _ = _get(f"{url}/v1/health")
        expect(status == 404, f"expected no service after the stack is deleted, found status {status}")  # noqa: PLR2004 - HTTP

    def open_role(self) -> None:
        """Let the member account's role be assumed without the trace that its trust policy requires.

        The emulator does not know the condition key `sts:SourceIdentity`.
        """
        stack = self._names.role_stack
        before = self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", [])
        kept = [each["ParameterKey"] for each in before if each["ParameterKey"] != "RequireTrace"]
        parameters: list[ParameterTypeDef] = [{"ParameterKey": name, "UsePreviousValue": True} for name in kept]
        parameters.append({"ParameterKey": "RequireTrace", "ParameterValue": "false"})
        self._cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._cloudformation.get_waiter("stack_update_complete").wait(StackName=stack)

    def copy_log(self, log: IO[bytes]) -> None:
        """Append what the function has written to `log`."""
        client: _Logs = boto3.Session().client("logs")
        for event in client.filter_log_events(logGroupName=self.output("LogGroupName"))["events"]:
            log.write(event["message"].encode() + b"\n")

    def tables(self) -> list[str]:
        """Return the tables that there are."""
        return boto3.Session().client("dynamodb").list_tables()["TableNames"]


def _get(url: str) -> tuple[int, dict[str, object]]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=_CALL_SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        body: object = json.loads(answer.read())
    finally:
        connection.close()
    return answer.status, object_of(body, "body")

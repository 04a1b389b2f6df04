"""Checks a new version of the exchange before CodeDeploy shifts requests to it.

It uses nothing of the layer: with a layer that does not load, it could not report that.

Source: AWS SAM Developer Guide, "Deploying serverless applications gradually"; CodeDeploy API Reference,
PutLifecycleEventHookExecutionStatus.
"""

import json
import os
from collections.abc import Mapping
from typing import IO, Final, Protocol, TypedDict

import boto3
from botocore.config import Config

_TARGET: Final = "NEW_VERSION"

_CONFIG: Final = Config(connect_timeout=2, read_timeout=25, retries={"mode": "standard", "total_max_attempts": 2})
"""Twice a function's whole time, within this function's minute."""

HEALTH_EVENT: Final[Mapping[str, object]] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/v1/health",
    "rawQueryString": "",
    "headers": {"host": "check-version.invalid", "user-agent": "check-version"},
    "requestContext": {
        "domainName": "check-version.invalid",
        "requestId": "check-version",
        "stage": "$default",
        "http": {"method": "GET", "path": "/v1/health", "sourceIp": "127.0.0.1", "userAgent": "check-version"},
    },
    "isBase64Encoded": False,
}
"""What an HTTP API sends for `GET /v1/health`."""


class VersionRefused(Exception):
    """The new version does not answer as expected; CodeDeploy leaves the requests with the previous one."""


class _Invoked(TypedDict, total=False):
    FunctionError: str
    Payload: IO[bytes]


class LambdaCalls(Protocol):
    """The one call of Lambda that is needed."""

    def invoke(self, *, FunctionName: str, Payload: bytes) -> _Invoked:  # noqa: N803 - AWS's names
        """Invoke a function, and return its answer."""
        ...


class CodeDeployCalls(Protocol):
    """The one call of CodeDeploy that is needed."""

    def put_lifecycle_event_hook_execution_status(
        self,
        *,
        deploymentId: str,  # noqa: N803 - AWS's names
        lifecycleEventHookExecutionId: str,  # noqa: N803
        status: str,
    ) -> object:
        """Report whether the deployment may continue."""
        ...


class VersionCheck:
    """Checks the version `target`, and reports to CodeDeploy."""

    def __init__(self, *, target: str, functions: LambdaCalls, deployments: CodeDeployCalls) -> None:
        self._target = target
        self._functions = functions
        self._deployments = deployments

    def __call__(self, event: Mapping[str, str], _context: object) -> dict[str, str]:
        """Report the new version's state for the deployment in `event`, and return it.

        Raises:
            VersionRefused: it does not answer as expected; CodeDeploy has the result.
        """
        refused: VersionRefused | None = None
        try:
            self._check()
        except VersionRefused as error:
            refused = error
        status = "Succeeded" if refused is None else "Failed"
        self._deployments.put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status=status,
        )
        if refused is not None:
            # Lambda logs it, so the log shows why the deployment was rolled back.
            raise refused
        return {"checked": self._target, "status": status}

    def _check(self) -> None:
        answer = self._functions.invoke(FunctionName=self._target, Payload=json.dumps(HEALTH_EVENT).encode())
        content = answer["Payload"].read()
        if "FunctionError" in answer:
            raise VersionRefused(f"{self._target} does not start or crashes ({answer['FunctionError']})")
        match json.loads(content):
            case {"statusCode": 200}:
                return
            case {"statusCode": int() as status, "body": str() as body}:
                raise VersionRefused(f"{self._target}: expected health 200, found {status}: {body}")
            case _:
                raise VersionRefused(f"{self._target}: expected the answer of an HTTP function")


def start() -> VersionCheck:
    """Return the check as the environment configures it.

    Raises:
        ValueError: the variable that names the version is missing.
    """
    target = os.environ.get(_TARGET, "")
    if not target:
        raise ValueError(f"{_TARGET}: expected the ARN of the version to check, found nothing")
    functions: LambdaCalls = boto3.client("lambda", config=_CONFIG)
    deployments: CodeDeployCalls = boto3.client("codedeploy", config=_CONFIG)
    return VersionCheck(target=target, functions=functions, deployments=deployments)

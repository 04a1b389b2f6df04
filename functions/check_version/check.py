"""Checks a new version of the exchange before CodeDeploy shifts requests to it: its health, and the probe's exchange.

It uses nothing of the layer: with a layer that does not load, it could not report that. The probe's key stays with the
probe, which asks the version itself.

Source: AWS SAM Developer Guide, "Deploying serverless applications gradually"; CodeDeploy API Reference,
PutLifecycleEventHookExecutionStatus.
"""

import json
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_lambda import LambdaClient

_LOG: Final = logging.getLogger(__name__)
_TARGET: Final = "NEW_VERSION"
_PROBE: Final = "PROBE_FUNCTION"

_CONFIG: Final = Config(connect_timeout=2, read_timeout=45, retries={"mode": "standard", "total_max_attempts": 2})
"""Longer than the probe's whole time; two calls, twice each, end within this function's own."""

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


class VersionCheck:
    """Checks the version `target`, also by the function `probe` if there is one, and reports to CodeDeploy."""

    def __init__(
        self, *, target: str, probe: str | None, functions: "LambdaClient", deployments: "CodeDeployClient"
    ) -> None:
        self._target = target
        self._probe = probe
        self._functions = functions
        self._deployments = deployments

    def __call__(self, event: Mapping[str, str], _context: object) -> dict[str, str]:
        """Report the new version's state for the deployment in `event`, and return what was checked.

        Raises:
            VersionRefused: it does not answer as expected; CodeDeploy has the result.
        """
        try:
            self._check_health()
            exchange = self._check_exchange()
        except Exception:
            # Whatever it was: without a report, CodeDeploy would wait for an hour. Lambda logs the exception.
            self._report(event, "Failed")
            raise
        self._report(event, "Succeeded")
        return {"checked": self._target, "health": "200", "exchange": exchange}

    def _report(self, event: Mapping[str, str], status: Literal["Succeeded", "Failed"]) -> None:
        self._deployments.put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status=status,
        )

    def _check_health(self) -> None:
        answer = self._functions.invoke(FunctionName=self._target, Payload=json.dumps(HEALTH_EVENT))
        if crash := answer.get("FunctionError"):
            raise VersionRefused(f"{self._target} does not start or crashes ({crash})")
        match json.loads(answer["Payload"].read()):
            case {"statusCode": 200}:
                return
            case {"statusCode": int() as status, "body": str() as body}:
                raise VersionRefused(f"{self._target}: expected health 200, found {status}: {body}")
            case _:
                raise VersionRefused(f"{self._target}: expected the answer of an HTTP function")

    def _check_exchange(self) -> str:
        """Have the probe ask the version for a login and for a refusal; return what it found."""
        if self._probe is None:
            _LOG.warning("%s: only its health is checked: without ProbeSecretArn, there is no probe", self._target)
            return "not checked"
        answer = self._functions.invoke(FunctionName=self._probe, Payload=json.dumps({"version": self._target}))
        match json.loads(answer["Payload"].read()):
            case {"granted": 200, "refused": 401, "reason": str() as reason}:
                return f"granted 200, refused 401 {reason}"
            case {"errorMessage": str() as message}:
                raise VersionRefused(f"{self._target}: the probe: {message}")
            case _:
                raise VersionRefused(f"{self._target}: expected the answer of the probe")


def start() -> VersionCheck:
    """Return the check as the environment configures it.

    Raises:
        ValueError: the variable that names the version is missing.
    """
    target = os.environ.get(_TARGET, "")
    if not target:
        raise ValueError(f"{_TARGET}: expected the ARN of the version to check, found nothing")
    return VersionCheck(
        target=target,
        probe=os.environ.get(_PROBE) or None,
        functions=boto3.client("lambda", config=_CONFIG),
        deployments=boto3.client("codedeploy", config=_CONFIG),
    )

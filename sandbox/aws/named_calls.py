"""Which operation a request is for, by the conventions of its service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from sandbox.aws import appconfig, appconfigdata, dynamodb, ecr_public, secrets_manager
from sandbox.aws.errors import AwsError, Protocol
from sandbox.loopback import Request

_TARGETS: Final[Mapping[str, str]] = {
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    ecr_public.TARGET: "ecr-public",
    secrets_manager.TARGET: "secretsmanager",
    dynamodb.TARGET: "dynamodb",
}
_STS_VERSION: Final = "2011-06-15"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCall:
    """The operation of an unauthenticated request, as `service:Operation`."""

    operation: str
    protocol: Protocol
    parameters: Mapping[str, object] | None

    @property
    def service(self) -> str:
        """The service, such as `sts`."""
        return self.operation.partition(":")[0]


def named_call(request: Request) -> NamedCall:
    """Return the operation of `request`, and its parameters where they can be read."""
    target = request.header("x-amz-target")
    if target is not None:
        prefix, _, operation = target.rpartition(".")
        return NamedCall(
            operation=f"{_TARGETS.get(prefix, prefix)}:{operation}", protocol="json", parameters=_json_body(request)
        )
    if (named := appconfigdata.operation_of(request)) is not None:
        return NamedCall(operation=named, protocol="json", parameters=appconfigdata.parameters_of(request))
    if (routed := appconfig.route(request)) is not None:
        operation, in_path = routed
        body = appconfigdata.parameters_of(request) or {}
        outside = appconfig.header_parameters(request, operation)
        return NamedCall(operation=operation, protocol="json", parameters={**body, **outside, **in_path})
    parameters: dict[str, object] = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    action, version = parameters.pop("Action", ""), parameters.pop("Version", "")
    service = "sts" if version == _STS_VERSION else f"unknown version {version}"
    return NamedCall(operation=f"{service}:{action}", protocol="query", parameters=parameters)


def _json_body(request: Request) -> Mapping[str, object] | None:
    try:
        body: object = json.loads(request.body or b"{}")
    except ValueError:
        return None
    return {str(name): value for name, value in body.items()} if isinstance(body, dict) else None


def unknown_operation(named: NamedCall) -> AwsError:
    """Return the refusal of an operation that no service has."""
    if named.protocol == "json":
        return AwsError(code="UnknownOperationException", message="")
    name = named.operation.partition(":")[2]
    return AwsError(code="InvalidAction", message=f"Could not find operation {name} for version {_STS_VERSION}")

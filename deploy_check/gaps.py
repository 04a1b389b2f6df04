"""What the emulator lacks, put into a copy of the built template, so that the template itself need not be weaker."""

from collections.abc import Iterator, Mapping
from typing import Final

import yaml

from sandbox.evidence import object_of

_FAILING_POLICY: Final = {
    "PolicyName": "fails",
    "PolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    },
    "Roles": ["there-is-no-such-role"],
}


def open_template(template: str) -> str:
    """Return a built template that the emulator carries out; everything else stays as it is.

    - It has no alarms on queries: they become alarms on nothing, which other resources can still name.
    - It has no CodeDeploy: an alias moves to a new version at once.
    - It does not read the OpenAPI document in which SAM writes an HTTP API's routes: they become resources.
    """
    document = object_of(yaml.safe_load(template), "template")
    resources = object_of(document["Resources"], "Resources")
    opened: dict[str, object] = {}
    for name, value in resources.items():
        resource = object_of(value, name)
        opened[name] = _opened(name, resource)
        opened |= dict(_routes(name, resource))
    return yaml.safe_dump(document | {"Resources": opened}, sort_keys=False)


def with_defaults(template: str, parameters: Mapping[str, str]) -> str:
    """Return a template in which `parameters` are the defaults.

    By a function's parameters, SAM decides whether to publish a version. The emulator gives its translator only those.
    """
    document = object_of(yaml.safe_load(template), "template")
    declared = object_of(document["Parameters"], "Parameters")
    given = {name: object_of(declared[name], name) | {"Default": value} for name, value in parameters.items()}
    return yaml.safe_dump(document | {"Parameters": declared | given}, sort_keys=False)


def failing_template(template: str) -> str:
    """Return a template whose creation fails when everything else is there: a policy for a role that is not."""
    document = object_of(yaml.safe_load(template), "template")
    resources = object_of(document["Resources"], "Resources")
    # What is made only under a condition cannot be waited for.
    unconditional = [name for name in resources if "Condition" not in object_of(resources[name], name)]
    fails = {"Type": "AWS::IAM::Policy", "DependsOn": unconditional, "Properties": _FAILING_POLICY}
    return yaml.safe_dump(document | {"Resources": resources | {"Fails": fails}}, sort_keys=False)


def _opened(name: str, resource: dict[str, object]) -> dict[str, object]:
    properties = object_of(resource.get("Properties") or {}, name)
    match resource["Type"]:
        case "AWS::CloudWatch::Alarm" if properties.pop("Metrics", None):
            metric = {"Namespace": "DeployCheck", "MetricName": name, "Statistic": "Sum", "Period": 60}
            return resource | {"Properties": properties | metric}
        case "AWS::Serverless::Function" if properties.pop("DeploymentPreference", None):
            return resource | {"Properties": properties}
        case _:
            return resource


def _routes(name: str, resource: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Yield an integration and the default route for an HTTP API whose document has that one route."""
    if resource["Type"] != "AWS::Serverless::HttpApi":
        return
    uri: object = object_of(resource["Properties"], name)["DefinitionBody"]
    for key in ("paths", "$default", "x-amazon-apigateway-any-method", "x-amazon-apigateway-integration", "uri"):
        uri = object_of(uri, key)[key]
    # The document has the address of an invocation, in which the alias is the only part that varies.
    match uri:
        case {"Fn::Sub": [_, {"Alias": alias}]}:
            pass
        case _:
            raise ValueError(f"{name}: expected an integration with an alias, found {uri!r}")
    shared: dict[str, object] = {"Condition": resource["Condition"]} if "Condition" in resource else {}
    api = {"Ref": name}
    integration = {
        "ApiId": api,
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": alias,
        "PayloadFormatVersion": "2.0",
    }
    route = {
        "ApiId": api,
        "RouteKey": "$default",
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration"}]]},
    }
    yield f"{name}Integration", shared | {"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration}
    yield f"{name}Route", shared | {"Type": "AWS::ApiGatewayV2::Route", "Properties": route}

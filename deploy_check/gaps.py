"""What the emulator lacks, put into a copy of the built template, so that the template itself need not be weaker."""

from collections.abc import Iterator, Mapping
from typing import Final

import yaml

from sandbox.evidence import object_of

_NOTHING: Final[dict[str, object]] = {"Namespace": "DeployCheck", "Statistic": "Sum", "Period": 60}
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

    - It has no alarms on queries or on other alarms: they become alarms on nothing, which others can still name.
    - It has no saved queries: they are left out.
    - It has no CodeDeploy: an alias moves to a new version at once.
    - It does not read the OpenAPI document of an HTTP API: its routes become resources.
    """
    document = object_of(yaml.safe_load(template), "template")
    opened: dict[str, object] = {}
    for name, value in object_of(document["Resources"], "Resources").items():
        resource = object_of(value, name)
        if resource["Type"] == "AWS::Logs::QueryDefinition":
            continue
        opened[name] = _opened(name, resource)
        opened |= dict(_routes(name, resource))
    return yaml.safe_dump(document | {"Resources": opened}, sort_keys=False)


def with_parameters(template: str, parameters: Mapping[str, str]) -> str:
    """Return a template with the values of parameters as their defaults.

    The emulator hands only the defaults to SAM, which publishes a new version of a function if a parameter has changed.
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
            return resource | {"Properties": properties | _NOTHING | {"MetricName": name}}
        case "AWS::CloudWatch::CompositeAlarm":
            bounds = {"Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "EvaluationPeriods": 1}
            plain = _NOTHING | bounds | {"MetricName": name}
            return resource | {"Type": "AWS::CloudWatch::Alarm", "Properties": plain}
        case "AWS::Serverless::Function" if properties.pop("DeploymentPreference", None):
            return resource | {"Properties": properties}
        case _:
            return resource


def _routes(name: str, resource: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Yield an integration and a route for each path of an HTTP API, under the API's own condition."""
    if resource["Type"] != "AWS::Serverless::HttpApi":
        return
    document = object_of(object_of(resource["Properties"], name)["DefinitionBody"], name)
    shared = {"Condition": resource["Condition"]} if "Condition" in resource else {}
    for number, (path, methods) in enumerate(object_of(document["paths"], "paths").items()):
        method = object_of(object_of(methods, path)["x-amazon-apigateway-any-method"], path)
        described = object_of(method["x-amazon-apigateway-integration"], path)
        integration = {
            "ApiId": {"Ref": name},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": described["uri"],
            "PayloadFormatVersion": described["payloadFormatVersion"],
        }
        target = {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration{number}"}]]}
        route = {"ApiId": {"Ref": name}, "RouteKey": path if path == "$default" else f"ANY {path}", "Target": target}
        integration_type, route_type = "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route"
        yield f"{name}Integration{number}", shared | {"Type": integration_type, "Properties": integration}
        yield f"{name}Route{number}", shared | {"Type": route_type, "Properties": route}

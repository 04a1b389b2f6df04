"""What the emulator lacks, put into a copy of the built template, so that the template itself need not be weaker."""

from collections.abc import Iterator
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

    - It has no `AWS::IAM::RolePolicy`, which is an `AWS::IAM::Policy` of one role.
    - It has no alarms on queries: they become alarms on nothing, which other resources can still name.
    - It does not read the OpenAPI document in which SAM writes an HTTP API's routes: they become resources.
    """
    document = object_of(yaml.safe_load(template), "template")
    resources = object_of(document["Resources"], "Resources")
    opened: dict[str, object] = {}
    for name, value in resources.items():
        resource = object_of(value, name)
        opened[name] = _opened(name, resource)
        opened |= dict(_routes(name, resource, resources))
    return yaml.safe_dump(document | {"Resources": opened}, sort_keys=False)


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
        case "AWS::IAM::RolePolicy":
            roles = [properties.pop("RoleName")]
            return resource | {"Type": "AWS::IAM::Policy", "Properties": properties | {"Roles": roles}}
        case "AWS::CloudWatch::Alarm" if properties.pop("Metrics", None):
            metric = {"Namespace": "DeployCheck", "MetricName": name, "Statistic": "Sum", "Period": 60}
            return resource | {"Properties": properties | metric}
        case _:
            return resource


def _routes(name: str, resource: dict[str, object], resources: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Yield an integration and the default route for a function's event of an HTTP API without a path."""
    if resource["Type"] != "AWS::Serverless::Function":
        return
    properties = object_of(resource["Properties"], name)
    for event_name, value in object_of(properties.get("Events") or {}, name).items():
        event = object_of(value, event_name)
        if event["Type"] != "HttpApi":
            continue
        api = object_of(event["Properties"], event_name)["ApiId"]
        target = {"Ref": f"{name}.Alias"} if "AutoPublishAlias" in properties else {"Fn::GetAtt": [name, "Arn"]}
        integration = {
            "ApiId": api,
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": target,
            "PayloadFormatVersion": "2.0",
        }
        route = {"ApiId": api, "RouteKey": "$default"}
        route["Target"] = {"Fn::Join": ["/", ["integrations", {"Ref": f"{event_name}Integration"}]]}
        shared = _condition_of(object_of(api, event_name).get("Ref"), resources)
        yield f"{event_name}Integration", shared | {"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration}
        yield f"{event_name}Route", shared | {"Type": "AWS::ApiGatewayV2::Route", "Properties": route}


def _condition_of(name: object, resources: dict[str, object]) -> dict[str, object]:
    """Return the condition under which the resource `name` is made, if it has one."""
    resource = object_of(resources.get(str(name)) or {}, str(name))
    return {"Condition": resource["Condition"]} if "Condition" in resource else {}

"""What the emulator of AWS lacks: nothing else of a template may change."""

import yaml

from deploy_check.gaps import failing_template, open_template
from tests.deploy.cloudformation import at, load, mapping

BUILT = """
Parameters: {LogLevel: {Type: String}}
Resources:
  HttpApi: {Type: AWS::Serverless::HttpApi, Condition: HasDoor, Properties: {StageName: $default}}
  Exchange:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Events:
        Everything: {Type: HttpApi, Properties: {ApiId: {Ref: HttpApi}}}
        Timer: {Type: Schedule, Properties: {}}
  Write:
    Type: AWS::IAM::RolePolicy
    Properties: {RoleName: {Ref: Role}, PolicyName: write, PolicyDocument: {Statement: []}}
  Plain: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: Errors, Threshold: 1}}
  Query: {Type: AWS::CloudWatch::Alarm, Properties: {Metrics: [{Id: q, Expression: SELECT}], Threshold: 3}}
"""


def test_only_what_the_emulator_lacks_is_changed() -> None:
    before, after = yaml.safe_load(BUILT), yaml.safe_load(open_template(BUILT))
    assert after["Parameters"] == before["Parameters"]
    unchanged = {"HttpApi", "Exchange", "Plain"}
    assert {name: after["Resources"][name] for name in unchanged} == {
        name: before["Resources"][name] for name in unchanged
    }
    assert after["Resources"]["Write"] == {
        "Type": "AWS::IAM::Policy",
        "Properties": {"Roles": [{"Ref": "Role"}], "PolicyName": "write", "PolicyDocument": {"Statement": []}},
    }
    assert after["Resources"]["Query"]["Properties"]["Threshold"] == 3
    assert "Metrics" not in after["Resources"]["Query"]["Properties"]


def test_the_default_route_leads_to_the_function() -> None:
    resources = mapping(yaml.safe_load(open_template(BUILT)), "Resources")
    assert at(resources, "EverythingIntegration", "Properties", "IntegrationUri") == {"Fn::GetAtt": ["Exchange", "Arn"]}
    assert at(resources, "EverythingRoute", "Properties", "RouteKey") == "$default"
    # Both are made only where the API is.
    assert at(resources, "EverythingRoute", "Condition") == "HasDoor"
    assert at(resources, "EverythingIntegration", "Condition") == "HasDoor"
    assert "TimerRoute" not in resources


def test_a_creation_fails_at_its_last_resource() -> None:
    resources = mapping(yaml.safe_load(failing_template(BUILT)), "Resources")
    assert at(resources, "Fails", "DependsOn") == ["Exchange", "Write", "Plain", "Query"]


def test_a_rollback_keeps_what_is_protected_from_deletion() -> None:
    """CloudFormation cannot delete it, and the rollback of a failed first deployment would fail as well."""
    resources = mapping(load("template.yaml"), "Resources")
    properties = {name: mapping(resources, name).get("Properties") for name in resources}
    protected = [
        name for name, own in properties.items() if isinstance(own, dict) and "DeletionProtectionEnabled" in own
    ]
    assert "StateTable" in protected
    assert {str(at(resources, name, "DeletionPolicy")) for name in protected} == {"Retain"}

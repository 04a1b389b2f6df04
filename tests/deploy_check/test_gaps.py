"""What the emulator of AWS lacks: nothing else of a template may change."""

import yaml

from deploy_check.gaps import failing_template, open_template, with_parameters
from tests.deploy.cloudformation import at, load, mapping

BUILT = """
Parameters: {LogLevel: {Type: String}}
Resources:
  HttpApi:
    Type: AWS::Serverless::HttpApi
    Condition: HasDoor
    Properties:
      StageName: $default
      DefinitionBody:
        paths:
          $default:
            x-amazon-apigateway-any-method:
              x-amazon-apigateway-integration: {uri: {"Fn::Sub": "${Exchange.Arn}:live"}, payloadFormatVersion: "2.0"}
  Exchange:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, AutoPublishAlias: live, DeploymentPreference: {Type: Canary10Percent5Minutes}}
  Role: {Type: AWS::IAM::Role, Properties: {RoleName: exchange}}
  Plain: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: Errors, Threshold: 1}}
  Both: {Type: AWS::CloudWatch::CompositeAlarm, Properties: {AlarmRule: ALARM(x)}}
  Saved: {Type: AWS::Logs::QueryDefinition, Properties: {Name: saved}}
  Query: {Type: AWS::CloudWatch::Alarm, Properties: {Metrics: [{Id: q, Expression: SELECT}], Threshold: 3}}
"""


def test_only_unsupported_resources_are_changed() -> None:
    before, after = yaml.safe_load(BUILT), yaml.safe_load(open_template(BUILT))
    assert after["Parameters"] == before["Parameters"]
    for name in ("HttpApi", "Role", "Plain"):
        assert after["Resources"][name] == before["Resources"][name]
    assert after["Resources"]["Exchange"]["Properties"] == {"Handler": "app.handler", "AutoPublishAlias": "live"}
    assert after["Resources"]["Query"]["Properties"]["Threshold"] == 3
    assert "Metrics" not in after["Resources"]["Query"]["Properties"]
    assert after["Resources"]["Both"]["Type"] == "AWS::CloudWatch::Alarm"
    assert "AlarmRule" not in after["Resources"]["Both"]["Properties"]
    assert "Saved" not in after["Resources"]


def test_an_apis_routes_become_resources() -> None:
    resources = mapping(yaml.safe_load(open_template(BUILT)), "Resources")
    added = resources.keys() - mapping(yaml.safe_load(BUILT), "Resources").keys()
    assert added == {"HttpApiIntegration0", "HttpApiRoute0"}
    integration = mapping(resources, "HttpApiIntegration0", "Properties")
    assert integration["IntegrationUri"] == {"Fn::Sub": "${Exchange.Arn}:live"}
    assert at(resources, "HttpApiRoute0", "Properties", "RouteKey") == "$default"
    # Both are made only where the API is.
    assert {str(at(resources, name, "Condition")) for name in added} == {"HasDoor"}


def test_the_templates_own_routes_are_found() -> None:
    """As SAM writes it, with no short forms; the check would otherwise test an API without routes."""
    opened = yaml.safe_load(open_template(yaml.safe_dump(load("template.yaml"))))
    assert at(opened, "Resources", "HttpApiRoute0", "Properties", "RouteKey") == "$default"


def test_values_of_parameters_become_their_defaults() -> None:
    before, after = yaml.safe_load(BUILT), yaml.safe_load(with_parameters(BUILT, {"LogLevel": "DEBUG"}))
    assert after["Parameters"] == {"LogLevel": {"Type": "String", "Default": "DEBUG"}}
    assert after["Resources"] == before["Resources"]


def test_a_creation_fails_at_its_last_resource() -> None:
    resources = mapping(yaml.safe_load(failing_template(BUILT)), "Resources")
    assert at(resources, "Fails", "DependsOn") == ["Exchange", "Role", "Plain", "Both", "Saved", "Query"]


def test_a_rollback_keeps_protected_resources() -> None:
    """CloudFormation cannot delete it, and the rollback of a failed first deployment would fail as well."""
    resources = mapping(load("template.yaml"), "Resources")
    properties = {name: mapping(resources, name).get("Properties") for name in resources}
    protected = [
        name for name, own in properties.items() if isinstance(own, dict) and "DeletionProtectionEnabled" in own
    ]
    assert "StateTable" in protected
    assert {str(at(resources, name, "DeletionPolicy")) for name in protected} == {"Retain"}

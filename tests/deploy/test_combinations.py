"""Every combination of the parameters that make resources come and go: what is made refers only to what is made."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import override

import pytest

from sandbox.account import PUSH_ROLE
from tests.deploy.cloudformation import PSEUDO_PARAMETERS, Stack, at, load, mapping, sequence, text
from tests.deploy.sam import TEMPLATE, expanded, kinds, parameters

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b2c3d"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d"
PROBE = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:probe-AbCdEf"
VPC = {"SubnetIds": "subnet-0a1b,subnet-2c3d", "SecurityGroupIds": "sg-0a1b"}
BY_ARN = {"AssumableRoleArns": PUSH_ROLE}

CHOICES: tuple[tuple[Mapping[str, str], ...], ...] = (
    ({"Door": "http"}, {"Door": "rest", "Tracing": "true"}, {"Door": "rest-private", "VpcEndpointIds": "vpce-0a1b"}),
    ({}, {"DomainName": "exchange.acme.example", "CertificateArn": CERTIFICATE}, {"PublicUrl": "https://x.example"}),
    (BY_ARN, {"BrokerRoleName": "token-exchange"}),
    ({}, {"PolicySource": "s3", "PolicyBucket": "acme-policies"}, {"PolicySource": "appconfig"}),
    (
        {},
        {**VPC, "KmsKeyArn": KEY, "SnapStart": "true", "ProbeSecretArn": PROBE},
        {"ProvisionedConcurrency": "5", "MaskLogs": "false"},
    ),
)


def combinations() -> Iterator[dict[str, str]]:
    """Yield each combination of the choices that the rules accept."""
    for chosen in product(*CHOICES):
        combination = {name: value for choice in chosen for name, value in choice.items()}
        if not (combination["Door"] == "rest-private" and "DomainName" in combination):
            yield combination


class Referring(Stack):
    """A stack that notes which names its resources refer to."""

    def __init__(self, path: str, given: Mapping[str, str]) -> None:
        super().__init__(path, given)
        self.referred: set[str] = set()

    @override
    def _ref(self, argument: object) -> object:
        self.referred.add(text(argument))
        return super()._ref(argument)

    @override
    def _attribute(self, name: str) -> str:
        self.referred.add(name.partition(".")[0])
        return super()._attribute(name)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    return expanded(tmp_path_factory.mktemp("sam"), parameters(**BY_ARN))


def test_each_combination_refers_only_to_created_resources(template: str) -> None:
    known = {*PSEUDO_PARAMETERS, *parameters(), "AWS::NoValue"}
    checked = 0
    for combination in combinations():
        stack = Referring(template, combination)
        assert stack.refusals() == [], combination
        names = kinds(stack.template)
        made = {name for name in names if stack.makes(name)}
        for name in made:
            stack.resource(name)
            depends = mapping(stack.template, "Resources", name).get("DependsOn", [])
            stack.referred.update(str(each) for each in sequence(depends))
        for output in mapping(stack.template, "Outputs").values():
            if stack.makes_output(output):
                stack.resolve(at(output, "Value"))
        assert stack.referred - made - known == set(), combination
        checked += 1
    assert checked == 3 * 3 * 2 * 3 * 3 - 2 * 3 * 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"DomainName": "x.example"}, ["DomainName needs CertificateArn, of a certificate in this region"]),
        ({"CertificateArn": CERTIFICATE}, ["CertificateArn needs DomainName"]),
        (
            {"DomainName": "x.example", "CertificateArn": CERTIFICATE, "PublicUrl": "https://y.example"},
            ["With DomainName, callers use https:// and this name; leave PublicUrl empty"],
        ),
        (
            {
                "Door": "rest-private",
                "VpcEndpointIds": "vpce-0a1b",
                "DomainName": "x.example",
                "CertificateArn": CERTIFICATE,
            },
            ["Door rest-private is reached through its VPC endpoints' names; leave DomainName empty"],
        ),
        ({"Door": "rest-private"}, ["Door rest-private needs VpcEndpointIds, or no one could reach it"]),
        (
            {"Door": "rest", "VpcEndpointIds": "vpce-0a1b"},
            ["VpcEndpointIds needs Door rest-private; any other Door is open to the internet"],
        ),
        (
            {
                "Door": "rest-private",
                "VpcEndpointIds": "vpce-0a1b",
                "ProbeSecretArn": PROBE,
            },
            ["With Door rest-private, the probe needs SubnetIds, or it could not reach the service"],
        ),
        (
            {"RatePerSource": "500"},
            ["RatePerSource needs Door rest; no other Door counts the requests of each source"],
        ),
        (
            {"Tracing": "true"},
            ["Tracing needs Door rest or rest-private; timings_ms in the audit lines has the durations anyway"],
        ),
        (
            {"SnapStart": "true", "ProvisionedConcurrency": "5"},
            ["Lambda takes either SnapStart or ProvisionedConcurrency; use only one of them"],
        ),
        ({"SubnetIds": "subnet-0a1b"}, ["SubnetIds needs SecurityGroupIds"]),
        ({"SecurityGroupIds": "sg-0a1b"}, ["SecurityGroupIds needs SubnetIds"]),
    ],
)
def test_an_impossible_combination_is_refused_with_advice(
    template: str, changes: dict[str, str], said: list[str]
) -> None:
    assert Stack(template, BY_ARN | changes).refusals() == said


# The doors.


def door(template: str, **given: str) -> dict[str, str]:
    """Return the resources of API Gateway and WAF, by logical id."""
    stack = Stack(template, BY_ARN | given)
    return {
        name: kind
        for name, kind in kinds(stack.template).items()
        if stack.makes(name) and kind.startswith(("AWS::ApiGateway", "AWS::WAFv2::"))
    }


def test_an_update_keeps_the_http_api_and_its_address(template: str) -> None:
    assert door(template) == {
        "HttpApi": "AWS::ApiGatewayV2::Api",
        "HttpApiApiGatewayDefaultStage": "AWS::ApiGatewayV2::Stage",
    }


def test_a_rest_door_limits_each_source(template: str) -> None:
    made = door(template, Door="rest")
    assert "AWS::ApiGatewayV2::Api" not in made.values()
    assert {"SourceLimits", "SourceLimitsOfTheDoor", "RestApi"} < made.keys()
    stack = Stack(template, BY_ARN | {"Door": "rest", "RatePerSource": "500"}, ids={"RestApi": "abc123"})
    (rule,) = sequence(stack.resource("SourceLimits"), "Rules")
    assert at(rule, "Statement", "RateBasedStatement") == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 60,
        "Limit": "500",
    }
    # Its sampled requests would show the callers' tokens.
    for settings in (rule, stack.resource("SourceLimits")):
        assert at(settings, "VisibilityConfig", "SampledRequestsEnabled") is False
    assert stack.resource("SourceLimitsOfTheDoor")["ResourceArn"] == (
        "arn:aws:apigateway:eu-west-1::/restapis/abc123/stages/RestApiliveStage"
    )


def test_a_private_door_opens_only_through_its_endpoints(template: str) -> None:
    made = door(template, Door="rest-private", VpcEndpointIds="vpce-0a1b,vpce-2c3d")
    assert not [kind for kind in made.values() if kind.startswith("AWS::WAFv2::")]
    stack = Stack(template, BY_ARN | {"Door": "rest-private", "VpcEndpointIds": "vpce-0a1b,vpce-2c3d"})
    api = stack.resource("RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-0a1b", "vpce-2c3d"]}
    (statement,) = sequence(api, "Body", "x-amazon-apigateway-policy", "Statement")
    assert at(statement, "Condition") == {"StringEquals": {"aws:SourceVpce": ["vpce-0a1b", "vpce-2c3d"]}}
    regional = Stack(template, BY_ARN | {"Door": "rest"}).resource("RestApi")
    assert regional["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert "x-amazon-apigateway-policy" not in mapping(regional, "Body")


@pytest.mark.parametrize(("choice", "api"), [("http", "HttpApi"), ("rest", "RestApi")])
def test_a_domain_closes_the_apis_own_address(template: str, choice: str, api: str) -> None:
    domain = {"DomainName": "exchange.acme.example", "CertificateArn": CERTIFICATE}
    assert not is_closed(Stack(template, BY_ARN | {"Door": choice}).resource(api))
    stack = Stack(template, BY_ARN | {"Door": choice} | domain)
    assert is_closed(stack.resource(api))
    variables = mapping(stack.resource("ExchangeFunction"), "Environment", "Variables")
    assert variables["TOKEN_EXCHANGE_URL"] == "https://exchange.acme.example"
    assert stack.resolve(at(stack.template, "Outputs", "Url", "Value")) == "https://exchange.acme.example"
    assert stack.resource("DomainOfTheDoor")["ApiId"] == api


def is_closed(api: Mapping[str, object]) -> object:
    """Return whether the API's own address is switched off; for a REST API, SAM writes it into the body."""
    if "DisableExecuteApiEndpoint" in api:
        return api["DisableExecuteApiEndpoint"]
    setting = at(api, "Body", "servers", 0, "x-amazon-apigateway-endpoint-configuration")
    return at(setting, "disableExecuteApiEndpoint")


# A new version of the function.


def version_of(folder: Path, **given: str) -> str:
    stack = Stack(expanded(folder, parameters(**BY_ARN | given)), {})
    (version,) = (name for name, kind in kinds(stack.template).items() if kind == "AWS::Lambda::Version")
    return version


def test_each_change_of_the_function_is_a_new_version(tmp_path: Path) -> None:
    changes = [
        {},
        {"Tracing": "true", "Door": "rest"},
        {"SnapStart": "true"},
        {"PublicUrl": "https://x.example"},
        {"MemoryMegabytes": "1024"},
        {"LogLevel": "DEBUG"},
        {"KmsKeyArn": KEY},
        VPC,
        {"BrokerRoleName": "token-exchange"},
        {"PolicySource": "s3", "PolicyBucket": "acme-policies"},
    ]
    assert len({version_of(tmp_path, **change) for change in changes}) == len(changes)
    assert version_of(tmp_path) == version_of(tmp_path, ThrottleRate="100")


def test_every_parameter_of_the_function_makes_a_version() -> None:
    template = load(TEMPLATE)
    properties = mapping(template, "Resources", "ExchangeFunction", "Properties")
    # Of the function or the alias, and of no version.
    for name in ("ReservedConcurrentExecutions", "ProvisionedConcurrencyConfig", "DeploymentPreference"):
        del properties[name]
    listed = parameters_in(properties.pop("Tracing"), template)
    assert parameters_in(properties, template) <= listed


def parameters_in(value: object, template: object) -> set[str]:
    """Return the parameters on which a value depends, also by its conditions."""
    declared, conditions = mapping(template, "Parameters"), mapping(template, "Conditions")
    found: set[str] = set()
    match value:
        case dict():
            for name, each in value.items():
                if name in {"Fn::If", "Condition"}:
                    condition = each if isinstance(each, str) else text(each, 0)
                    found |= parameters_in(conditions[condition], template)
                found |= parameters_in(each, template)
        case list():
            found = {name for each in value for name in parameters_in(each, template)}
        case str():
            found = {name for name in declared if value == name or f"${{{name}}}" in value}
        case _:
            pass
    return found


def test_callers_reach_the_alias_and_codedeploy_checks_it_first(template: str) -> None:
    stack = Stack(template, BY_ARN)
    update = mapping(stack.template, "Resources", "ExchangeFunctionAliaslive", "UpdatePolicy")
    assert at(update, "CodeDeployLambdaAliasUpdate", "BeforeAllowTrafficHook") == {"Ref": "CheckVersionFunction"}
    group = stack.resource("ExchangeFunctionDeploymentGroup")
    assert at(group, "AlarmConfiguration", "Enabled") is True
    watched = [text(each, "Name") for each in sequence(group, "AlarmConfiguration", "Alarms")]
    assert watched == ["FailedExchangesAlarm", "FastBurnMinutesAlarm"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in sequence(group, "AutoRollbackConfiguration", "Events")
    for choice, api in (("http", "HttpApi"), ("rest", "RestApi")):
        chosen = Stack(template, BY_ARN | {"Door": choice}, attributes={"ExchangeFunction.Arn": "arn:function"})
        for integration in integrations(chosen.resource(api)["Body"]):
            assert text(integration, "uri").endswith("/functions/arn:function:live/invocations")
        assert chosen.resource(f"{api}Permission")["FunctionName"] == "ExchangeFunctionAliaslive"


def integrations(body: object) -> Iterator[object]:
    for path in mapping(body, "paths").values():
        yield at(path, "x-amazon-apigateway-any-method", "x-amazon-apigateway-integration")

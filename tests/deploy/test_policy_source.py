"""The template's three sources of a policy: the functions' settings, and what they may read there."""

import re

import pytest

from sandbox.account import PUSH_ROLE
from sandbox.aws.policies import AuthorizationRequest, Decision
from tests.deploy.cloudformation import Stack, at, load, mapping, role_policies, sequence, text
from token_exchange.adapters.settings import AppConfigPlace, FilePlace, S3Place, parse_policy_place
from validate_policy.validator import PolicyValidator

TEMPLATE = "template.yaml"
ROLES = ("ExchangeRole", "ExchangePolicy"), ("RefreshKeysRole",)
READERS = tuple(zip(("ExchangeFunction", "RefreshKeysFunction"), ROLES, strict=True))
BUCKET, KEY = "acme-policies", "live/policy.yaml"
OBJECT = f"arn:aws:s3:::{BUCKET}/{KEY}"
CONFIGURATION = "arn:aws:appconfig:eu-west-1:111122223333:application/app1234/environment/env1234/configuration/prof123"
ENVIRONMENT = CONFIGURATION.partition("/configuration/")[0]
READS = [
    "s3:GetObject",
    "appconfig:StartConfigurationSession",
    "appconfig:GetLatestConfiguration",
    "appconfig:ListDeployments",
]


def deployed(source: str, **parameters: str) -> Stack:
    return Stack(
        TEMPLATE,
        {
            "AssumableRoleArns": PUSH_ROLE,
            "PolicySource": source,
            "PolicyBucket": BUCKET,
            "PolicyKey": KEY,
            **parameters,
        },
        attributes={
            "PolicyLoadFailedAlarm.Arn": "alarm:load",
            "FailedExchangesAlarm.Arn": "alarm:failed",
            "BrakeTable.Arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/brake",
            "DeadLetters.Arn": "arn:aws:sqs:eu-west-1:111122223333:dead-letters",
            "StateTable.Arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/state",
            "ExchangeLogGroup.Arn": "arn:aws:logs:eu-west-1:111122223333:log-group:exchange:*",
            "RefreshKeysLogGroup.Arn": "arn:aws:logs:eu-west-1:111122223333:log-group:refresher:*",
        },
        ids={"PolicyApplication": "app1234", "PolicyEnvironment": "env1234", "PolicyProfile": "prof123"},
    )


def may(stack: Stack, role: tuple[str, ...], action: str, resource: str, *, owner: str = "111122223333") -> bool:
    """Return whether `role` may do `action` on `resource`, which the account `owner` has."""
    return any(
        policy.evaluate(
            AuthorizationRequest(action=action, resource=resource, context={"aws:resourceaccount": [owner]})
        )
        is Decision.ALLOW
        for policy in role_policies(stack, *role)
    )


def place(stack: Stack, function: str) -> object:
    return parse_policy_place(text(stack.resource(function), "Environment", "Variables", "TOKEN_EXCHANGE_POLICY"))


@pytest.mark.parametrize(("function", "role"), READERS)
def test_a_file_needs_no_rights(function: str, role: tuple[str, ...]) -> None:
    stack = deployed("file")
    assert isinstance(place(stack, function), FilePlace)
    for action in READS:
        for resource in (OBJECT, CONFIGURATION):
            assert not may(stack, role, action, resource)


@pytest.mark.parametrize(("function", "role"), READERS)
def test_of_s3_one_object_may_be_read(function: str, role: tuple[str, ...]) -> None:
    stack = deployed("s3")
    assert place(stack, function) == S3Place(bucket=BUCKET, key=KEY)
    assert may(stack, role, "s3:GetObject", OBJECT)
    for action, resource in [
        ("s3:GetObject", f"{OBJECT}.old"),
        ("s3:GetObject", "arn:aws:s3:::acme-other/live/policy.yaml"),
        ("s3:PutObject", OBJECT),
        ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        ("appconfig:GetLatestConfiguration", CONFIGURATION),
    ]:
        assert not may(stack, role, action, resource)


@pytest.mark.parametrize(("function", "role"), READERS)
@pytest.mark.parametrize(("named", "owner"), [("", "111122223333"), ("444455556666", "444455556666")])
def test_a_policy_is_read_from_its_owners_bucket_only(
    function: str, role: tuple[str, ...], named: str, owner: str
) -> None:
    stack = deployed("s3", PolicyBucketAccount=named)
    assert place(stack, function) == S3Place(bucket=BUCKET, key=KEY)
    # A bucket that was deleted can be made again by anyone, under the same name.
    for account in ("111122223333", "444455556666", "999999999999"):
        assert may(stack, role, "s3:GetObject", OBJECT, owner=account) is (account == owner)


@pytest.mark.parametrize(("function", "role"), READERS)
def test_of_appconfig_one_configuration_may_be_received(function: str, role: tuple[str, ...]) -> None:
    stack = deployed("appconfig")
    assert place(stack, function) == AppConfigPlace(application="app1234", environment="env1234", profile="prof123")
    assert may(stack, role, "appconfig:StartConfigurationSession", CONFIGURATION)
    assert may(stack, role, "appconfig:GetLatestConfiguration", CONFIGURATION)
    assert may(stack, role, "appconfig:ListDeployments", ENVIRONMENT)
    for action, resource in [
        ("appconfig:GetLatestConfiguration", CONFIGURATION.replace("prof123", "prof999")),
        ("appconfig:ListDeployments", ENVIRONMENT.replace("env1234", "env9999")),
        ("appconfig:StartDeployment", CONFIGURATION),
        ("appconfig:StartDeployment", ENVIRONMENT),
        ("s3:GetObject", OBJECT),
    ]:
        assert not may(stack, role, action, resource)


@pytest.mark.parametrize(
    ("function", "path"), [("ExchangeFunction", "policy.yaml"), ("RefreshKeysFunction", "../exchange/policy.yaml")]
)
@pytest.mark.parametrize("source", ["file", "s3", "appconfig"])
def test_only_appconfig_begins_with_the_packaged_policy(function: str, path: str, source: str) -> None:
    variables = mapping(deployed(source).resource(function), "Environment", "Variables")
    assert variables.get("TOKEN_EXCHANGE_FIRST_POLICY") == (f"file:{path}" if source == "appconfig" else None)


def test_s3_needs_a_bucket() -> None:
    assert deployed("s3", PolicyBucket="").refusals() == ["PolicySource s3 needs PolicyBucket"]
    # Who switches from one source to another, perhaps in a hurry, need not forget the bucket.
    for source in ("file", "s3", "appconfig"):
        assert deployed(source).refusals() == []


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("policy.yaml", True),
        ("teams/live/policy.json", True),
        ("", False),
        ("/policy.yaml", False),
        ("policies/", False),
        # An asterisk would be one in the role's policy too.
        ("*", False),
        ("policy*.yaml", False),
        ("policy?.yaml", False),
        ("${aws:username}", False),
    ],
)
def test_a_key_is_one_object(key: str, *, taken: bool) -> None:
    pattern = text(load(TEMPLATE), "Parameters", "PolicyKey", "AllowedPattern")
    assert bool(re.search(pattern, key)) is taken


def test_a_deployment_is_validated_gradual_and_watched() -> None:
    stack = deployed("appconfig")
    (validator,) = sequence(stack.resource("PolicyProfile"), "Validators")
    assert validator == {"Type": "LAMBDA", "Content": "ValidatePolicyFunction.Arn"}
    assert stack.resource("ValidatePolicyPermission")["Principal"] == "appconfig.amazonaws.com"
    strategy = stack.resource("PolicyDeploymentStrategy")
    assert (strategy["GrowthFactor"], strategy["DeploymentDurationInMinutes"]) == (20, 10)
    assert strategy["FinalBakeTimeInMinutes"] == 10
    monitored = [at(each, "AlarmArn") for each in sequence(stack.resource("PolicyEnvironment"), "Monitors")]
    assert monitored == ["alarm:load", "alarm:failed"]


def test_the_validator_loads_as_the_service_and_reads_nothing() -> None:
    stack = deployed("appconfig")
    actions = [
        action
        for each in sequence(stack.resource("ValidatePolicyRole"), "Policies")
        for action in sequence(at(each, "PolicyDocument", "Statement", 0), "Action")
    ]
    assert actions == ["logs:CreateLogStream", "logs:PutLogEvents"]
    function = stack.resource("ValidatePolicyFunction")
    # Both know of a table, or a grant would pass here and not there.
    for name in ("ValidatePolicyFunction", "ExchangeFunction"):
        assert "TOKEN_EXCHANGE_STATE_TABLE" in mapping(stack.resource(name), "Environment", "Variables")
    assert text(function, "Handler") == "validate_policy.app.handler"
    from validate_policy.app import handler  # noqa: PLC0415 - it reads the environment when it is imported

    assert isinstance(handler, PolicyValidator)


def test_without_appconfig_none_of_its_resources_exist() -> None:
    resources = mapping(load(TEMPLATE), "Resources")
    for name, resource in resources.items():
        is_its_own = str(at(resource, "Type")).startswith("AWS::AppConfig::") or name.startswith("ValidatePolicy")
        assert not is_its_own or at(resource, "Condition") == "FromAppConfig", name

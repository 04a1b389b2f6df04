import json
import re

import pytest

from sandbox.account import PULL_ROLE, PUSH_ROLE
from sandbox.aws.policies import AuthorizationRequest, Decision, Policy, Statement, combined_decision
from sandbox.aws.policy_grammar import parse_policy
from sandbox.tokens import Mint
from tests.deploy.cloudformation import (
    PSEUDO_PARAMETERS,
    ROOT,
    Stack,
    as_policy,
    at,
    load,
    mapping,
    role_policies,
    sequence,
    text,
)
from token_exchange.adapters.settings import read_settings
from token_exchange.issuer_keys.timing import FRESH_SECONDS
from token_exchange.refresher import MAX_RUN_SECONDS
from token_exchange.service import MAX_REQUEST_SECONDS

TEMPLATE = "template.yaml"
ROLE_ARN = "arn:aws:iam::111122223333:role/exchange-role"
REFRESHER_ARN = "arn:aws:iam::111122223333:role/refresher-role"
ADMINISTRATOR_ARN = "arn:aws:iam::111122223333:role/administrator"
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/state"
BRAKE_TABLE_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/brake"
LOG_GROUP_ARN = "arn:aws:logs:eu-west-1:111122223333:log-group:exchange:*"
REFRESHER_LOG_GROUP_ARN = "arn:aws:logs:eu-west-1:111122223333:log-group:refresher:*"
PROBE_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:probe-AbCdEf"
DEAD_LETTERS_ARN = "arn:aws:sqs:eu-west-1:111122223333:dead-letters"
GATEWAY_SECONDS = 30


def deployed(**parameters: object) -> Stack:
    given: dict[str, object] = {"AssumableRoleArns": f"{PUSH_ROLE},{PULL_ROLE}"}
    return Stack(
        TEMPLATE,
        given | parameters,
        attributes={
            "ExchangeRole.Arn": ROLE_ARN,
            "RefreshKeysRole.Arn": REFRESHER_ARN,
            "RefreshKeysLogGroup.Arn": REFRESHER_LOG_GROUP_ARN,
            "DeadLetters.Arn": DEAD_LETTERS_ARN,
            "StateTable.Arn": TABLE_ARN,
            "BrakeTable.Arn": BRAKE_TABLE_ARN,
            "ExchangeLogGroup.Arn": LOG_GROUP_ARN,
            "ExchangeFunction.Arn": "arn:aws:lambda:eu-west-1:111122223333:function:exchange",
            "ProbeFunction.Arn": "arn:aws:lambda:eu-west-1:111122223333:function:probe",
            **{f"{name}LogGroup.Arn": LOG_GROUP_ARN for name in ("CheckVersion", "Probe", "ValidatePolicy")},
        },
    )


type RoleAndMore = tuple[str, ...]
"""A role, and the policies that are attached to it apart."""

EXCHANGE: RoleAndMore = ("ExchangeRole", "ExchangePolicy")
REFRESHER: RoleAndMore = ("RefreshKeysRole", "WriteKeySetsPolicy")
PROBE: RoleAndMore = ("ProbeRole",)
CHECK: RoleAndMore = ("CheckVersionRole",)
ROLES_OF_FUNCTIONS = (EXCHANGE, REFRESHER, PROBE, CHECK, ("ValidatePolicyRole",))


def identity_policies(stack: Stack, role: RoleAndMore = EXCHANGE) -> list[Policy]:
    """Return every policy of a function's role."""
    return role_policies(stack, *role)


def may(stack: Stack, action: str, resource: str, *, role: RoleAndMore = EXCHANGE, **context: str) -> bool:
    keys = {name.replace("__", ":").lower(): [value] for name, value in context.items()}
    ask = AuthorizationRequest(action=action, resource=resource, context=keys)
    return any(policy.evaluate(ask) is Decision.ALLOW for policy in identity_policies(stack, role))


# What the function's role may do.


def test_only_the_roles_of_the_parameter_can_be_assumed() -> None:
    stack = deployed()
    for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"):
        assert may(stack, action, PUSH_ROLE)
        assert may(stack, action, PULL_ROLE)
        assert not may(stack, action, "arn:aws:iam::111122223333:role/administrator")
    assert not may(stack, "sts:AssumeRoleWithWebIdentity", PUSH_ROLE)


def test_no_permission_is_for_every_resource() -> None:
    resources = [
        each for policy in identity_policies(deployed()) for s in policy.statements for each in s.resources.values
    ]
    assert "*" not in resources
    actions = [each for policy in identity_policies(deployed()) for s in policy.statements for each in s.actions.values]
    assert not [each for each in actions if "*" in each]


def statements(stack: Stack) -> list[Statement]:
    return [statement for policy in identity_policies(stack) for statement in policy.statements]


def test_tracing_adds_only_actions_without_resources() -> None:
    added = [s for s in statements(deployed(Tracing="true")) if s not in statements(deployed())]
    assert [(s.actions.values, s.resources.values) for s in added] == [
        (("xray:PutTraceSegments", "xray:PutTelemetryRecords"), ("*",))
    ]


def test_no_secret_is_read_but_those_of_the_parameter() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub-AbCdEf"
    action = "secretsmanager:GetSecretValue"
    assert not may(deployed(), action, secret)
    stack = deployed(ReadableSecretArns=secret)
    assert may(stack, action, secret)
    assert not may(stack, action, f"{secret}x")
    assert not may(stack, "secretsmanager:PutSecretValue", secret)


def test_the_role_is_lambdas_and_has_no_managed_policy() -> None:
    role = deployed().resource("ExchangeRole")
    assert "ManagedPolicyArns" not in role
    trust = parse_policy(as_policy(role["AssumeRolePolicyDocument"]), kind="trust")
    assert [(s.principals, s.actions.values) for s in trust.statements] == [
        (("lambda.amazonaws.com",), ("sts:AssumeRole",))
    ]


def test_it_logs_to_its_own_group_and_creates_none() -> None:
    stack = deployed()
    assert may(stack, "logs:PutLogEvents", LOG_GROUP_ARN.replace("*", "log-stream:1"))
    assert not may(stack, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:other:log-stream:1")
    assert not may(stack, "logs:CreateLogGroup", LOG_GROUP_ARN)


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        # Key sets are a root of trust: read, never written.
        ("GetItem", "keys#github", True),
        ("PutItem", "keys#github", False),
        ("UpdateItem", "keys#github", False),
        ("DeleteItem", "keys#github", False),
        # Its own marks and budgets.
        ("PutItem", "use#0a1b", True),
        ("DeleteItem", "use#0a1b", True),
        ("UpdateItem", "budget#github", True),
        # Nothing else, and nothing that only begins alike.
        ("PutItem", "key", False),
        ("PutItem", "user#1", False),
        ("GetItem", "use#0a1b", False),
        ("Scan", "use#0a1b", False),
        ("BatchWriteItem", "use#0a1b", False),
    ],
)
def test_it_reads_key_sets_and_writes_marks_and_budgets(action: str, key: str, *, allowed: bool) -> None:
    assert may(deployed(), f"dynamodb:{action}", TABLE_ARN, dynamodb__LeadingKeys=key) is allowed


def test_a_call_without_a_key_is_not_covered_by_all_its_keys() -> None:
    assert not may(deployed(), "dynamodb:PutItem", TABLE_ARN)
    assert not may(deployed(), "dynamodb:GetItem", TABLE_ARN)


# What the refresher's role may do: key sets, and nothing else.


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        ("GetItem", "keys#0a1b", True),
        ("PutItem", "keys#0a1b", True),
        ("DeleteItem", "keys#0a1b", False),
        ("UpdateItem", "keys#0a1b", False),
        ("Scan", "keys#0a1b", False),
        ("BatchWriteItem", "keys#0a1b", False),
        # The exchange's marks and budgets, and what only begins alike.
        ("PutItem", "use#0a1b", False),
        ("GetItem", "use#0a1b", False),
        ("PutItem", "budget#github", False),
        ("PutItem", "keys", False),
    ],
)
def test_the_refresher_writes_key_sets(action: str, key: str, *, allowed: bool) -> None:
    found = may(deployed(), f"dynamodb:{action}", TABLE_ARN, role=REFRESHER, dynamodb__LeadingKeys=key)
    assert found is allowed


def test_the_refresher_writes_its_log_and_does_nothing_else() -> None:
    actions = [
        action
        for policy in identity_policies(deployed(Tracing="true"), REFRESHER)
        for statement in policy.statements
        for action in statement.actions.values
    ]
    logs = ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert sorted(actions) == ["dynamodb:GetItem", "dynamodb:PutItem", *logs, "sqs:SendMessage"]
    stack = deployed()
    assert may(stack, "logs:PutLogEvents", REFRESHER_LOG_GROUP_ARN.replace("*", "log-stream:1"), role=REFRESHER)
    assert not may(stack, "logs:PutLogEvents", LOG_GROUP_ARN.replace("*", "log-stream:1"), role=REFRESHER)
    assert not may(stack, "dynamodb:PutItem", TABLE_ARN, role=REFRESHER)
    assert "ManagedPolicyArns" not in stack.resource("RefreshKeysRole")


# What the table itself refuses, whatever a role is allowed.


def table_policy() -> Policy:
    statements = [
        mapping(each)
        for each in sequence(deployed().resource("StateTable"), "ResourcePolicy", "PolicyDocument", "Statement")
    ]
    for statement in statements:
        # Without its principal it reads like a policy of anybody's own.
        assert statement.pop("Principal") == "*"
        assert statement["Effect"] == "Deny"
    return parse_policy(as_policy({"Version": "2012-10-17", "Statement": statements}), kind="identity")


WRITES = [
    "BatchWriteItem",
    "DeleteItem",
    "PartiQLDelete",
    "PartiQLInsert",
    "PartiQLUpdate",
    "PutItem",
    "UpdateItem",
]


@pytest.mark.parametrize("action", WRITES)
def test_only_the_owner_of_a_key_prefix_writes_to_the_table(subtests: pytest.Subtests, action: str) -> None:
    for principal, keys, verdict in [
        (ROLE_ARN, ["use#0a1b"], Decision.IMPLICIT_DENY),
        (ROLE_ARN, ["budget#github"], Decision.IMPLICIT_DENY),
        (ROLE_ARN, ["keys#0a1b"], Decision.EXPLICIT_DENY),
        # In a batch one key of the other kind is too many.
        (ROLE_ARN, ["use#0a1b", "keys#0a1b"], Decision.EXPLICIT_DENY),
        (REFRESHER_ARN, ["keys#0a1b"], Decision.IMPLICIT_DENY),
        (REFRESHER_ARN, ["use#0a1b"], Decision.EXPLICIT_DENY),
        (REFRESHER_ARN, ["keys#0a1b", "use#0a1b"], Decision.EXPLICIT_DENY),
        (ADMINISTRATOR_ARN, ["keys#0a1b"], Decision.EXPLICIT_DENY),
        (ADMINISTRATOR_ARN, ["use#0a1b"], Decision.EXPLICIT_DENY),
        (ADMINISTRATOR_ARN, [], Decision.EXPLICIT_DENY),
    ]:
        with subtests.test(principal=principal, keys=keys, verdict=verdict):
            context = {"aws:principalarn": [principal], "dynamodb:leadingkeys": keys}
            assert (
                table_policy().evaluate(
                    AuthorizationRequest(action=f"dynamodb:{action}", resource=TABLE_ARN, context=context)
                )
                is verdict
            )


def test_the_table_denies_no_reads() -> None:
    context = {"aws:principalarn": [ROLE_ARN], "dynamodb:leadingkeys": ["keys#0a1b"]}
    assert (
        table_policy().evaluate(AuthorizationRequest(action="dynamodb:GetItem", resource=TABLE_ARN, context=context))
        is Decision.IMPLICIT_DENY
    )


# When the refresher runs.


def test_the_refresher_runs_twice_while_a_set_is_fresh() -> None:
    schedule = text(
        deployed().resource("RefreshKeysFunction"), "Events", "BeforeKeysGrowStale", "Properties", "Schedule"
    )
    minutes = re.fullmatch(r"rate\((\d+) minutes\)", schedule)
    assert minutes is not None
    assert 2 * int(minutes[1]) * 60 <= FRESH_SECONDS


def test_the_refresher_runs_after_each_deployment() -> None:
    pattern = mapping(deployed().resource("RefreshKeysFunction"), "Events", "AfterDeployment", "Properties", "Pattern")
    assert pattern["source"] == ["aws.cloudformation"]
    assert at(pattern, "detail", "stack-id") == [PSEUDO_PARAMETERS["AWS::StackId"]]
    statuses = sequence(pattern, "detail", "status-details", "status")
    assert {"CREATE_COMPLETE", "UPDATE_COMPLETE"} < set(statuses)


def test_the_refresher_ends_its_run_before_lambda_does() -> None:
    timeout = at(deployed().resource("RefreshKeysFunction"), "Timeout")
    assert isinstance(timeout, int)
    assert timeout > MAX_RUN_SECONDS


def test_the_refresher_reads_the_exchanges_own_policy() -> None:
    stack = deployed()
    exchange, refresher = (stack.resource(name) for name in ("ExchangeFunction", "RefreshKeysFunction"))
    assert text(exchange, "CodeUri") == text(refresher, "CodeUri") + "exchange/"
    assert text(refresher, "Handler") == "refresh_keys.app.handler"
    named = text(refresher, "Environment", "Variables", "TOKEN_EXCHANGE_POLICY").removeprefix("file:")
    own = text(exchange, "Environment", "Variables", "TOKEN_EXCHANGE_POLICY").removeprefix("file:")
    folder = ROOT / "functions"
    assert (folder / "refresh_keys" / named).resolve() == folder / "exchange" / own


# Which roles the parameter takes.


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("arn:aws:iam::111122223333:role/ci-ecr-push", True),
        ("arn:aws:iam::111122223333:role/ci/ecr-push", True),
        ("arn:aws:iam::111122223333:role/ci-ecr-*", True),
        ("arn:aws-us-gov:iam::111122223333:role/ci", True),
        # Any role, any account, another kind of principal.
        ("*", False),
        ("arn:aws:iam::111122223333:role/*", False),
        ("arn:aws:iam::*:role/ci-ecr-push", False),
        ("arn:aws:iam::111122223333:role/*-push", False),
        ("arn:aws:iam::111122223333:role/ci-?", False),
        ("arn:aws:iam::111122223333:user/ci", False),
        ("arn:aws:iam::111122223333:root", False),
    ],
)
def test_roles_are_spelled_out(arn: str, *, taken: bool) -> None:
    pattern = text(load(TEMPLATE), "Parameters", "AssumableRoleArns", "AllowedPattern")
    assert bool(re.search(pattern, arn)) is taken


def test_no_role_is_assumable_by_default() -> None:
    stack = deployed(AssumableRoleArns="")
    assert stack.refusals() == [
        "Name the roles to assume in AssumableRoleArns, or set BrokerRoleName to a role that may assume some"
    ]
    assert not may(stack, "sts:AssumeRole", PUSH_ROLE)
    assert deployed().refusals() == []


# The role of another stack, for the function and for the table's guard.


def test_a_separate_role_gets_the_functions_permissions() -> None:
    stack = deployed(BrokerRoleName="token-exchange", AssumableRoleArns="")
    arn = "arn:aws:iam::111122223333:role/token-exchange"
    assert stack.refusals() == []
    assert not stack.makes("ExchangeRole")
    assert stack.resource("ExchangeFunction")["Role"] == arn
    assert stack.resource("ExchangePolicy")["Roles"] == ["token-exchange"]
    # Regions that share the role must not overwrite each other's policy.
    assert stack.resource("ExchangePolicy")["PolicyName"] == "exchange-eu-west-1"
    guard = sequence(stack.resource("StateTable"), "ResourcePolicy", "PolicyDocument", "Statement")[0]
    assert at(guard, "Condition", "ArnNotEquals", "aws:PrincipalArn") == [arn, REFRESHER_ARN]
    assert stack.resolve(at(stack.template, "Outputs", "RoleArn", "Value")) == arn


# What the gateway logs.

LOGGED = {
    "error.responseType",
    "httpMethod",
    "identity.sourceIp",
    "integration.integrationStatus",
    "integration.requestId",
    "integrationLatency",
    "protocol",
    "requestId",
    "requestTimeEpoch",
    "responseLatency",
    "responseLength",
    "routeKey",
    "status",
}


LOGGED_BY_REST = LOGGED - {"integration.integrationStatus", "integrationLatency", "routeKey"} | {
    "integration.latency",
    "integration.status",
    "resourcePath",
    "wafResponseCode",
}


@pytest.mark.parametrize(
    ("stage", "setting", "logged"),
    [
        ("HttpApi", "AccessLogSettings", LOGGED),
        ("RestApi", "AccessLogSetting", LOGGED_BY_REST),
    ],
)
def test_access_logs_hold_nothing_in_which_a_token_can_travel(stage: str, setting: str, logged: set[str]) -> None:
    log_format = text(deployed().resource(stage), setting, "Format")
    parsed = json.loads(log_format)
    assert "\n" not in log_format
    # The dimension of the metric that a filter counts by.
    assert parsed.pop("deployment") == "exchange"
    assert {value.removeprefix("$context.") for value in parsed.values()} == logged


# What is kept, and what happens to a run that fails.


@pytest.mark.parametrize("name", ["StateTable", "ExchangeLogGroup", "AccessLogGroup"])
def test_stateful_resources_are_protected_and_retained(name: str) -> None:
    # A first deployment that fails retains them, too: it could not delete what is protected.
    assert mapping(load(TEMPLATE), "Resources", name)["DeletionPolicy"] == "Retain"
    for protect in ("true", "false"):
        assert deployed(ProtectState=protect).resource(name)["DeletionProtectionEnabled"] == protect


def test_a_lost_table_is_made_again_under_its_name() -> None:
    # A version of the function keeps the name that it was published with.
    for name, part in (("StateTable", "state"), ("BrakeTable", "brake")):
        assert deployed().resource(name)["TableName"] == f"exchange-{part}-5f0e1d2c"


def test_a_run_that_fails_is_kept_and_not_repeated(subtests: pytest.Subtests) -> None:
    stack = deployed(ProbeSecretArn=PROBE_SECRET_ARN)
    kinds = {name: text(each, "Type") for name, each in mapping(stack.template, "Resources").items()}
    functions = {name: stack.resource(name) for name, kind in kinds.items() if kind == "AWS::Serverless::Function"}
    started = {name: function for name, function in functions.items() if "Events" in function}
    assert started.keys() == {"RefreshKeysFunction", "ProbeFunction"}
    for name, function in started.items():
        with subtests.test(name=name):
            # The next run of the schedule is five minutes away: a retry would count one failure as several.
            assert at(function, "EventInvokeConfig") == {
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": 300,
                "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": DEAD_LETTERS_ARN}},
            }
            for event in mapping(function, "Events").values():
                assert at(event, "Properties", "DeadLetterConfig") == {"Arn": DEAD_LETTERS_ARN}
                assert at(event, "Properties", "RetryPolicy", "MaximumRetryAttempts") == 2
    for role in (REFRESHER, PROBE):
        assert may(stack, "sqs:SendMessage", DEAD_LETTERS_ARN, role=role)


# Who asks a new version before it gets requests.


def test_the_probe_and_not_the_check_has_the_probes_key() -> None:
    version = "arn:aws:lambda:eu-west-1:111122223333:function:exchange:7"
    probe = "arn:aws:lambda:eu-west-1:111122223333:function:probe"
    with_probe, without = deployed(ProbeSecretArn=PROBE_SECRET_ARN), deployed()
    for function, may_check, may_probe in ((version, True, True), (probe, True, False), (f"{probe}x", False, False)):
        assert may(with_probe, "lambda:InvokeFunction", function, role=CHECK) is may_check
        assert may(with_probe, "lambda:InvokeFunction", function, role=PROBE) is may_probe
    assert may(with_probe, "secretsmanager:GetSecretValue", PROBE_SECRET_ARN, role=PROBE)
    assert not may(with_probe, "secretsmanager:GetSecretValue", PROBE_SECRET_ARN, role=CHECK)
    assert not may(without, "lambda:InvokeFunction", probe, role=CHECK)
    for stack, expected in ((with_probe, probe), (without, None)):
        variables = mapping(stack.resource("CheckVersionFunction"), "Environment", "Variables")
        assert variables.get("PROBE_FUNCTION") == expected


# A key of your own, and a VPC.

KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d"
IN_VPC = {"SubnetIds": "subnet-0a1b", "SecurityGroupIds": "sg-0a1b"}


KEYS = {
    "AWS::AppConfig::ConfigurationProfile": ("KmsKeyIdentifier",),
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::Serverless::Function": ("KmsKeyArn",),
}
"""Where each kind of resource that stores something takes a key."""


def test_a_key_of_your_own_encrypts_all_that_is_stored(subtests: pytest.Subtests) -> None:
    own, aws = deployed(KmsKeyArn=KEY_ARN, ProbeSecretArn=PROBE_SECRET_ARN), deployed(ProbeSecretArn=PROBE_SECRET_ARN)
    kinds = {name: text(each, "Type") for name, each in mapping(own.template, "Resources").items()}
    assert KEYS.keys() <= set(kinds.values())
    for name, kind in kinds.items():
        if kind in KEYS:
            with subtests.test(name=name):
                *parent, last = KEYS[kind]
                assert at(own.resource(name), *parent, last) == KEY_ARN
                assert last not in mapping(aws.resource(name), *parent)
    for role in ROLES_OF_FUNCTIONS:
        with subtests.test(role=role[0]):
            assert may(own, "kms:Decrypt", KEY_ARN, role=role)
            assert not may(own, "kms:Decrypt", f"{KEY_ARN}x", role=role)
            assert not may(aws, "kms:Decrypt", KEY_ARN, role=role)
    # Lambda writes what failed into the queue with the function's role.
    for role in (REFRESHER, PROBE):
        assert may(own, "kms:GenerateDataKey", KEY_ARN, role=role)


@pytest.mark.parametrize("role", [EXCHANGE, REFRESHER, PROBE])
def test_in_a_vpc_only_lambda_itself_connects(role: RoleAndMore) -> None:
    function = "arn:aws:lambda:eu-west-1:111122223333:function:exchange"
    stack = deployed(**IN_VPC, ProbeSecretArn=PROBE_SECRET_ARN)
    for name in ("ExchangeFunction", "RefreshKeysFunction", "ProbeFunction"):
        assert stack.resource(name)["VpcConfig"] == {"SubnetIds": ["subnet-0a1b"], "SecurityGroupIds": ["sg-0a1b"]}
    for context, expected in (({}, Decision.ALLOW), ({"lambda:sourcefunctionarn": [function]}, Decision.EXPLICIT_DENY)):
        ask = AuthorizationRequest(action="ec2:CreateNetworkInterface", resource="*", context=context)
        assert combined_decision(identity_policies(stack, role), ask) is expected
    outside = deployed(ProbeSecretArn=PROBE_SECRET_ARN)
    assert not may(outside, "ec2:CreateNetworkInterface", "*", role=role)


# What a log group masks.


@pytest.mark.parametrize("group", ["ExchangeLogGroup", "AccessLogGroup"])
def test_data_protection_is_as_cloudwatch_takes_it(group: str) -> None:
    policy = deployed().resource(group)["DataProtectionPolicy"]
    audit, mask = sequence(policy, "Statement")
    assert at(audit, "DataIdentifier") == at(mask, "DataIdentifier")
    custom = [mapping(each) for each in sequence(policy, "Configuration", "CustomDataIdentifier")]
    assert {str(each["Name"]) for each in custom} <= {str(each) for each in sequence(audit, "DataIdentifier")}
    for each in custom:
        assert len(str(each["Regex"])) <= 200
        assert not set("():'\"`") & set(str(each["Regex"]))
    assert "DataProtectionPolicy" not in deployed(MaskLogs="false").resource(group)


def masked(value: str) -> bool:
    policy = deployed().resource("ExchangeLogGroup")["DataProtectionPolicy"]
    patterns = [text(each, "Regex") for each in sequence(policy, "Configuration", "CustomDataIdentifier")]
    return any(re.search(pattern, value) for pattern in patterns)


def test_secrets_are_masked_and_audit_fields_are_not(mint: Mint) -> None:
    assert masked(mint.mint("github-actions", audience="somebody"))
    assert masked(mint.mint("generic", audience="somebody"))
    assert masked("QVdTOmV5SndZWGxzYjJGa0lqb2lhVzVtYjNKdFlYUnBiMjRp")  # AWS: and the beginning of a password
    assert masked("IQoJb3JpZ2luX2VjEPr//////////wEaCWV1LXdlc3QtMSJIMEYCIQ")
    assert not masked("7976758eec8b45428b43c8c659618f8283e0ef3604a1dd1c68d46711906af0d5")
    assert not masked(
        "ASIAIOSFODNN7EXAMPLE arn:aws:iam::111122223333:role/ci-ecr-push repo:acme/app:ref:refs/heads/main"
    )


@pytest.fixture
def mint(tmp_path_factory: pytest.TempPathFactory) -> Mint:
    return Mint(tmp_path_factory.mktemp("keys"), base_url="https://localhost:1")


# How the function is run.

VARIABLES = {
    "TOKEN_EXCHANGE_BRAKE_TABLE",
    "TOKEN_EXCHANGE_DEPLOYMENT",
    "TOKEN_EXCHANGE_DOCUMENTATION_URL",
    "TOKEN_EXCHANGE_METRICS_BY_ISSUER",
    "TOKEN_EXCHANGE_POLICY",
    "TOKEN_EXCHANGE_POLICY_MAX_AGE",
    "TOKEN_EXCHANGE_STATE_TABLE",
    "TOKEN_EXCHANGE_URL",
    "LOG_LEVEL",
}


def test_the_function_gets_the_documented_variables_and_no_other() -> None:
    urls = {"PublicUrl": "https://x.example", "DocumentationUrl": "https://y.example/docs"}
    assert set(mapping(deployed(**urls).resource("ExchangeFunction"), "Environment", "Variables")) == VARIABLES
    assert set(mapping(deployed().resource("ExchangeFunction"), "Environment", "Variables")) == VARIABLES - {
        "TOKEN_EXCHANGE_DOCUMENTATION_URL",
        "TOKEN_EXCHANGE_URL",
    }


def test_both_functions_that_write_metrics_know_their_deployment() -> None:
    for name in ("ExchangeFunction", "RefreshKeysFunction"):
        variables = mapping(deployed().resource(name), "Environment", "Variables")
        settings = read_settings({"TOKEN_EXCHANGE_DEPLOYMENT": str(variables["TOKEN_EXCHANGE_DEPLOYMENT"])})
        assert settings.deployment == "exchange", name


def test_the_timeouts_of_service_lambda_and_gateway_increase() -> None:
    timeout = at(deployed().resource("ExchangeFunction"), "Timeout")
    assert isinstance(timeout, int)
    assert MAX_REQUEST_SECONDS + 1 < timeout < GATEWAY_SECONDS


def test_the_log_level_never_hides_audit_records() -> None:
    assert sequence(load(TEMPLATE), "Parameters", "LogLevel", "AllowedValues") == ["DEBUG", "INFO"]


def test_the_layer_is_built_for_the_architecture_of_the_function() -> None:
    layer = mapping(load(TEMPLATE), "Resources", "TokenExchangeLayer")
    assert at(layer, "Metadata", "BuildArchitecture") == {"Ref": "Architecture"}
    assert at(layer, "Properties", "CompatibleArchitectures") == [{"Ref": "Architecture"}]
    assert at(load(TEMPLATE), "Resources", "ExchangeFunction", "Properties", "Architectures") == [
        {"Ref": "Architecture"}
    ]


def test_the_layers_folder_has_only_the_package_and_its_lock() -> None:
    assert {path.name for path in (ROOT / "layers" / "token_exchange").iterdir()} == {
        "requirements.txt",
        "token_exchange",
    }

import pytest

from token_exchange.adapters.settings import BadSetting, FilePlace, Settings, read_settings

APPCONFIG = "appconfig:exchange/live/policy"


def test_nothing_is_required() -> None:
    assert read_settings({}) == Settings(
        policy=FilePlace(path="policy.yaml"),
        policy_max_age_seconds=60,
        first_policy=None,
        state_table=None,
        brake_table=None,
        public_url=None,
        documentation_url="docs",
        probe_secret=None,
        region=None,
        function_version=None,
        deployment="local",
        metrics_by_issuer=True,
    )


@pytest.mark.parametrize(
    "name",
    [
        "TOKEN_EXCHANGE_POLICY",
        "TOKEN_EXCHANGE_POLICY_MAX_AGE",
        "TOKEN_EXCHANGE_STATE_TABLE",
        "TOKEN_EXCHANGE_URL",
        "TOKEN_EXCHANGE_DOCUMENTATION_URL",
        "TOKEN_EXCHANGE_DEPLOYMENT",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_VERSION",
    ],
)
def test_an_empty_variable_counts_as_absent(name: str) -> None:
    assert read_settings({name: ""}) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("TOKEN_EXCHANGE_POLICY", "file:policies/main.yaml", "policy", FilePlace(path="policies/main.yaml")),
        ("TOKEN_EXCHANGE_POLICY", "file:/opt/policy.json", "policy", FilePlace(path="/opt/policy.json")),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "0", "policy_max_age_seconds", 0),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "86400", "policy_max_age_seconds", 86400),
        ("TOKEN_EXCHANGE_STATE_TABLE", "exchange-StateTable-1A_b.c", "state_table", "exchange-StateTable-1A_b.c"),
        ("TOKEN_EXCHANGE_URL", "https://login.acme.example", "public_url", "https://login.acme.example"),
        (
            "TOKEN_EXCHANGE_URL",
            "https://login.acme.example:8443/a/b/",
            "public_url",
            "https://login.acme.example:8443/a/b",
        ),
        ("TOKEN_EXCHANGE_URL", "http://127.0.0.1:8080", "public_url", "http://127.0.0.1:8080"),
        (
            "TOKEN_EXCHANGE_DOCUMENTATION_URL",
            "https://git.acme.example/platform/exchange/docs/",
            "documentation_url",
            "https://git.acme.example/platform/exchange/docs",
        ),
        ("AWS_REGION", "eu-west-1", "region", "eu-west-1"),
        ("AWS_REGION", "us-gov-west-1", "region", "us-gov-west-1"),
        ("AWS_DEFAULT_REGION", "cn-north-1", "region", "cn-north-1"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST", "function_version", "$LATEST"),
        ("TOKEN_EXCHANGE_DEPLOYMENT", "exchange-live", "deployment", "exchange-live"),
        ("TOKEN_EXCHANGE_METRICS_BY_ISSUER", "true", "metrics_by_issuer", True),
        ("TOKEN_EXCHANGE_METRICS_BY_ISSUER", "false", "metrics_by_issuer", False),
    ],
)
def test_a_good_value_is_taken(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(read_settings({name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_EXCHANGE_POLICY", "policy.yaml"),
        ("TOKEN_EXCHANGE_POLICY", "file:"),
        ("TOKEN_EXCHANGE_POLICY", "FILE:policy.yaml"),
        ("TOKEN_EXCHANGE_POLICY", "ftp://policies/main"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "-1"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "1.5"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "60s"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "1000000"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "٦٠"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "60\n"),
        ("TOKEN_EXCHANGE_STATE_TABLE", "ab"),
        ("TOKEN_EXCHANGE_STATE_TABLE", "a" * 256),
        ("TOKEN_EXCHANGE_STATE_TABLE", "state/table"),
        ("TOKEN_EXCHANGE_STATE_TABLE", "stäte"),
        ("TOKEN_EXCHANGE_STATE_TABLE", "state\n"),
        ("TOKEN_EXCHANGE_DEPLOYMENT", "x" * 129),
        ("TOKEN_EXCHANGE_DEPLOYMENT", "-exchange"),
        ("TOKEN_EXCHANGE_DEPLOYMENT", "exchange live"),
        ("TOKEN_EXCHANGE_DEPLOYMENT", "exchange\n"),
        ("TOKEN_EXCHANGE_URL", "http://login.acme.example"),
        ("TOKEN_EXCHANGE_URL", "https://user@login.acme.example"),
        ("TOKEN_EXCHANGE_URL", "https://login.acme.example?x"),
        ("TOKEN_EXCHANGE_URL", "https://login.acme.example#x"),
        ("TOKEN_EXCHANGE_URL", "login.acme.example"),
        ("TOKEN_EXCHANGE_URL", "https://-login.acme.example"),
        ("TOKEN_EXCHANGE_URL", "https://login.acme.example:0"),
        ("TOKEN_EXCHANGE_URL", "https://login.acme.example:65536"),
        ("TOKEN_EXCHANGE_URL", "https://login.acme.example\n"),
        ("TOKEN_EXCHANGE_DOCUMENTATION_URL", "docs/ours"),
        ("TOKEN_EXCHANGE_DOCUMENTATION_URL", "javascript:alert(1)"),
        ("TOKEN_EXCHANGE_METRICS_BY_ISSUER", "no"),
        ("TOKEN_EXCHANGE_METRICS_BY_ISSUER", "True"),
        # Next to a policy that is a file itself.
        ("TOKEN_EXCHANGE_FIRST_POLICY", "file:policy.yaml"),
        ("AWS_REGION", "nowhere"),
        ("AWS_REGION", "eu-west-1.attacker.example"),
        ("AWS_DEFAULT_REGION", "EU-WEST-1"),
        # On these Powertools fails without a word of the variable.
        ("LOG_LEVEL", "chatty"),
        ("LOG_LEVEL", "10"),
        ("LOG_LEVEL", ""),
        ("POWERTOOLS_LOG_LEVEL", "TRACE"),
        ("POWERTOOLS_DEV", ""),
        ("POWERTOOLS_DEV", "maybe"),
        ("POWERTOOLS_LOG_DEDUPLICATION_DISABLED", "2"),
        ("POWERTOOLS_METRICS_DISABLED", ""),
        ("POWERTOOLS_METRICS_DISABLED", "maybe"),
    ],
)
def test_a_bad_value_names_its_variable_and_what_was_found(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as error:
        read_settings({name: value})
    assert str(error.value).startswith(f"{name}: expected ")
    assert repr(value[:100]) in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "debug"),
        ("LOG_LEVEL", "WARN"),
        ("POWERTOOLS_LOG_LEVEL", "Critical"),
        ("POWERTOOLS_LOG_LEVEL", ""),
        ("POWERTOOLS_DEV", "False"),
        ("POWERTOOLS_LOG_DEDUPLICATION_DISABLED", "1"),
        # botocore's own, which a request answers for.
        ("AWS_ENDPOINT_URL", "nonsense"),
    ],
)
def test_variables_of_libraries_are_left_to_them(name: str, value: str) -> None:
    assert read_settings({name: value}) == read_settings({})


def test_a_first_policy_is_a_file() -> None:
    found = read_settings({"TOKEN_EXCHANGE_POLICY": APPCONFIG, "TOKEN_EXCHANGE_FIRST_POLICY": "file:policy.yaml"})
    assert found.first_policy == FilePlace(path="policy.yaml")
    with pytest.raises(BadSetting, match="TOKEN_EXCHANGE_FIRST_POLICY: expected file:PATH"):
        read_settings({"TOKEN_EXCHANGE_POLICY": APPCONFIG, "TOKEN_EXCHANGE_FIRST_POLICY": APPCONFIG})


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(BadSetting) as error:
        read_settings({"TOKEN_EXCHANGE_URL": "x" * 10_000})
    assert len(str(error.value)) < 250


def test_lambdas_own_region_comes_first() -> None:
    assert read_settings({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}).region == "eu-west-1"

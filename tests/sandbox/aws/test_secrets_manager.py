import dataclasses

import pytest

from sandbox import account
from sandbox.aws.secrets_manager import Secret
from sandbox.aws.server import Aws, AwsFault
from tests.sandbox.clients import Clients, assume, call, refusal

LOGIN = Secret(arn=account.HUB_SECRET, value='{"username": "acme-ci", "password": "p"}')


def test_a_text_secret_is_returned_unchanged(aws: Aws, clients: Clients) -> None:
    aws.secrets.put(LOGIN)
    answer = call(clients.secrets(), "get_secret_value", SecretId=LOGIN.arn)
    assert answer["SecretString"] == LOGIN.value
    assert (answer["ARN"], answer["Name"]) == (LOGIN.arn, "registries/docker-hub")
    assert "SecretBinary" not in answer


def test_a_secret_of_bytes_is_answered_as_bytes(aws: Aws, clients: Clients) -> None:
    aws.secrets.put(dataclasses.replace(LOGIN, value=b"\0\xff"))
    answer = call(clients.secrets(), "get_secret_value", SecretId=LOGIN.arn)
    assert answer["SecretBinary"] == b"\0\xff"
    assert "SecretString" not in answer


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"is_deleted": True}, "InvalidRequestException", "marked for deletion"),
        ({"is_locked": True}, "DecryptionFailure", "can't decrypt"),
        ({"value": None}, "ResourceNotFoundException", "staging label: AWSCURRENT"),
    ],
)
def test_a_secret_can_be_out_of_reach(
    aws: Aws, clients: Clients, changes: dict[str, object], code: str, text: str
) -> None:
    aws.secrets.put(dataclasses.replace(LOGIN, **changes))  # type: ignore[arg-type]  # fields of several types
    found, message, status = refusal(lambda: call(clients.secrets(), "get_secret_value", SecretId=LOGIN.arn))
    assert (found, status) == (code, 400)
    assert text in message


def test_a_missing_secret_is_not_found_by_a_permitted_reader(aws: Aws, clients: Clients) -> None:
    aws.secrets.put(LOGIN)
    aws.secrets.remove(LOGIN.arn)
    found = refusal(lambda: call(clients.secrets(), "get_secret_value", SecretId=LOGIN.arn))
    assert found[0] == "ResourceNotFoundException"


def test_without_permission_existence_is_not_revealed(aws: Aws, clients: Clients) -> None:
    aws.secrets.put(LOGIN)
    assume(clients.sts())
    stranger = clients.secrets(aws.principals.sessions()[-1])
    absent = LOGIN.arn.replace("docker-hub", "payroll")
    for found in (
        refusal(lambda: call(stranger, "get_secret_value", SecretId=LOGIN.arn)),
        refusal(lambda: call(clients.secrets(), "get_secret_value", SecretId=absent)),
    ):
        assert found[0] == "AccessDeniedException"
        assert "because no identity-based policy allows the secretsmanager:GetSecretValue action" in found[1]


def test_a_region_has_only_its_own_secrets(aws: Aws, clients: Clients) -> None:
    aws.secrets.put(LOGIN)
    client = clients.secrets(region="us-east-1")
    found = refusal(lambda: call(client, "get_secret_value", SecretId=LOGIN.arn))
    assert found[0] == "ResourceNotFoundException"


def test_a_name_is_not_an_arn(clients: Clients) -> None:
    found = refusal(lambda: call(clients.secrets(), "get_secret_value", SecretId="registries/docker-hub"))
    assert found[0] == "InvalidParameterException"


def test_planned_faults_occur(aws: Aws, clients: Clients) -> None:
    aws.secrets.put(LOGIN)
    aws.faults.plan("secretsmanager:GetSecretValue", AwsFault(kind="throttle"), times=1)
    client = clients.secrets()
    assert refusal(lambda: call(client, "get_secret_value", SecretId=LOGIN.arn))[0] == "ThrottlingException"
    call(client, "get_secret_value", SecretId=LOGIN.arn)


def test_no_secret_shows_its_value() -> None:
    assert "acme-ci" not in repr(LOGIN)

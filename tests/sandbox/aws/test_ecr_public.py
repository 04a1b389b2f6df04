import base64
from datetime import UTC, datetime, timedelta

import pytest

from sandbox import account
from sandbox.aws.principals import Session
from sandbox.aws.server import Aws
from tests.sandbox.clients import Clients, assume, call, refusal


def _policy(*actions: str) -> str:
    listed = ",".join(f'"{action}"' for action in actions)
    return f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{listed}],"Resource":"*"}}]}}'


BOTH = _policy("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")


def _session(aws: Aws, clients: Clients, *, policy: str = BOTH, role: str = account.PUBLIC_ROLE) -> Session:
    assume(clients.sts(), RoleArn=role, Policy=policy)
    return aws.principals.sessions()[-1]


def test_a_login_lasts_twelve_hours_at_ecr_public_only(aws: Aws, clients: Clients) -> None:
    session = _session(aws, clients)

    data = call(clients.ecr_public(session), "get_authorization_token")["authorizationData"]

    assert isinstance(data, dict)
    assert data.keys() == {"authorizationToken", "expiresAt"}
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    assert timedelta(hours=11, minutes=59) < data["expiresAt"] - datetime.now(UTC) <= timedelta(hours=12)
    known = aws.public_registry.login(password)
    assert known is not None
    assert known.session == session
    assert aws.public_registry.logins() == [known]
    assert aws.registry.login(password) is None


@pytest.mark.parametrize("missing", ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"])
def test_the_session_policy_must_allow_both_actions(aws: Aws, clients: Clients, missing: str) -> None:
    allowed = {"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"} - {missing}
    session = _session(aws, clients, policy=_policy(*allowed))
    code, message, status = refusal(lambda: call(clients.ecr_public(session), "get_authorization_token"))
    assert (code, status) == ("AccessDeniedException", 400)
    assert f"because no session policy allows the {missing} action" in message
    assert aws.public_registry.logins() == []


def test_the_role_must_allow_it_too(aws: Aws, clients: Clients) -> None:
    session = _session(aws, clients, role=account.PUSH_ROLE)
    code, message, _ = refusal(lambda: call(clients.ecr_public(session), "get_authorization_token"))
    assert code == "AccessDeniedException"
    assert "because no identity-based policy allows" in message


def test_only_one_region_issues_logins(aws: Aws, clients: Clients) -> None:
    session = _session(aws, clients)
    client = clients.ecr_public(session, region="eu-west-1")
    assert refusal(lambda: call(client, "get_authorization_token"))[0] == "InvalidSignatureException"
    assert aws.public_registry.logins() == []

from datetime import datetime

import pytest

from sandbox import account
from sandbox.aws.ecr import authorize
from sandbox.aws.errors import AwsError
from sandbox.aws.policy_grammar import parse_policy
from sandbox.aws.principals import Session, make_role
from sandbox.aws.server import Aws
from tests.sandbox.clients import SESSION_POLICY, Clients, assume, authorization, refusal

OTHER_POLICY = SESSION_POLICY.replace("GetAuthorizationToken", "BatchGetImage")


def _session(aws: Aws, clients: Clients, **changes: object) -> Session:
    assume(clients.sts(), **changes)
    return aws.principals.sessions()[-1]


def test_a_login_lasts_twelve_hours_and_is_recognized(aws: Aws, clients: Clients) -> None:
    session = _session(aws, clients)

    login = authorization(clients.ecr(session))

    assert login.user == "AWS"
    assert len(login.password) > 1500
    assert login.proxy_endpoint == "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    known = aws.registry.login(login.password)
    assert known is not None
    assert known.session == session
    assert login.expires_at.timestamp() == known.expires_at
    assert 0 <= aws.requests("ecr:GetAuthorizationToken")[0].at_seconds + 12 * 3600 - known.expires_at < 1


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "111122223333.dkr.ecr.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_login_is_for_the_region_that_was_signed_for(aws: Aws, clients: Clients, region: str, host: str) -> None:
    login = authorization(clients.ecr(_session(aws, clients), region=region))
    assert login.proxy_endpoint == f"https://{host}"


def test_the_session_policy_must_allow_it(aws: Aws, clients: Clients) -> None:
    session = _session(aws, clients, Policy=OTHER_POLICY)
    code, message, status = refusal(lambda: authorization(clients.ecr(session)))
    assert (code, status) == ("AccessDeniedException", 400)
    assert message == (
        f"User: {session.arn} is not authorized to perform: ecr:GetAuthorizationToken on resource: * "
        "because no session policy allows the ecr:GetAuthorizationToken action"
    )
    assert aws.registry.logins() == []


def test_the_role_must_allow_it_too(aws: Aws, clients: Clients) -> None:
    role = aws.principals.role(account.PUSH_ROLE)
    assert role is not None
    aws.principals.put_role(make_role(role.arn, trust=role.trust.text, permissions=[OTHER_POLICY]))
    session = _session(aws, clients)
    code, message, _ = refusal(lambda: authorization(clients.ecr(session)))
    assert code == "AccessDeniedException"
    assert "because no identity-based policy allows" in message


def test_role_and_session_policy_bound_each_use_of_a_login(aws: Aws) -> None:
    role = aws.principals.role(account.PUSH_ROLE)
    assert role is not None
    arn = "arn:aws:ecr:eu-west-1:111122223333:repository/"
    text = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:PutImage","ecr:DeleteRepository"],'
        f'"Resource":"{arn}ci/*","Condition":{{"DateLessThan":{{"aws:CurrentTime":"2026-11-21T03:30:00Z"}}}}}}]}}'
    )
    session = Session(
        role=role,
        name="n",
        access_key_id="ASIAX",
        secret_access_key="s",
        session_token="t",
        expires_at=None,
        policy=parse_policy(text, kind="session"),
    )
    end = datetime.fromisoformat("2026-11-21T03:30:00Z").timestamp()
    authorize(session, action="ecr:PutImage", resource=f"{arn}ci/shop", now_seconds=end - 1)
    for action, name, now_seconds in (
        ("ecr:PutImage", "ci/shop", end),
        ("ecr:PutImage", "releases/shop", end - 1),
        ("ecr:BatchGetImage", "ci/shop", end - 1),
        ("ecr:DeleteRepository", "ci/shop", end - 1),  # the session policy has it, the role has not
    ):
        with pytest.raises(AwsError, match="AccessDeniedException"):
            authorize(session, action=action, resource=arn + name, now_seconds=now_seconds)


@pytest.mark.parametrize("ids", [["12345678901"], ["1" * 12] * 11, ["11112222333x"]])
def test_registry_ids_have_their_limits(aws: Aws, clients: Clients, ids: list[str]) -> None:
    client = clients.ecr(_session(aws, clients))
    assert refusal(lambda: authorization(client, registryIds=ids))[0] == "InvalidParameterException"

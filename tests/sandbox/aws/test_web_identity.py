import json
import ssl
import time
from collections.abc import Callable
from functools import partial

import pytest
from botocore.client import BaseClient

from sandbox.aws.oidc_providers import OidcProvider
from sandbox.aws.principals import make_role
from sandbox.aws.server import Aws, AwsFault
from sandbox.issuer import Issuer, IssuerFault
from tests.sandbox.clients import SESSION_POLICY, Clients, call, refusal

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci-direct"
AUDIENCE = "https://exchange.acme.example"
MAIN = "repo:acme/shop:ref:refs/heads/main"


@pytest.fixture
def provider(aws: Aws, issuer: Issuer) -> OidcProvider:
    made = OidcProvider(
        account=ACCOUNT,
        issuer=issuer.issuer_url("github-actions"),
        client_ids=(AUDIENCE, "sts.amazonaws.com"),
        authority=ssl.create_default_context(cafile=str(issuer.ca_bundle)),
    )
    aws.principals.put_oidc_provider(made)
    conditions = {"StringEquals": {f"{made.address}:aud": AUDIENCE, f"{made.address}:sub": MAIN}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": made.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.principals.put_role(make_role(ROLE, trust=trust, permissions=[SESSION_POLICY]))
    return made


@pytest.fixture
def mint(issuer: Issuer) -> Callable[..., str]:
    def minted(**changes: object) -> str:
        claims = {"sub": MAIN, **{name: value for name, value in changes.items() if isinstance(value, str)}}
        return issuer.mint("github-actions", audience=str(changes.get("aud", AUDIENCE)), claims=claims)

    return minted


def _assume(client: BaseClient, token: str, **changes: object) -> dict[str, object]:
    asked = {"RoleArn": ROLE, "RoleSessionName": "7-1-0a1b2c3d4e5f", "WebIdentityToken": token, **changes}
    return call(client, "assume_role_with_web_identity", **asked)


@pytest.mark.usefixtures("provider")
def test_an_unsigned_request_with_a_token_makes_a_session(aws: Aws, clients: Clients, mint: Callable[..., str]) -> None:
    answer = _assume(clients.open_sts(), mint(), Policy=SESSION_POLICY, DurationSeconds=900)

    session = aws.principals.sessions()[-1]
    assert answer["SubjectFromWebIdentityToken"] == MAIN
    assert answer["Audience"] == AUDIENCE
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": session.role_session_id, "Arn": session.arn}
    assert session.policy is not None
    assert session.policy.text == SESSION_POLICY
    assert (session.tags, session.source_identity) == ({}, None)
    (seen,) = aws.requests("sts:AssumeRoleWithWebIdentity")
    assert seen.access_key_id is None


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    ("claims", "code", "status"),
    [
        # the account's OIDC provider: its issuer and its list of audiences
        ({"iss": "https://issuer.attacker.example"}, "InvalidIdentityToken", 400),
        ({"iss": "https://7e21d9c4.tokens.sts.global.api.aws"}, "InvalidIdentityToken", 400),
        ({"aud": "https://elsewhere.example"}, "InvalidIdentityToken", 400),
        # the role's trust policy: the audience and the subject it names
        ({"aud": "sts.amazonaws.com"}, "AccessDenied", 403),
        ({"sub": "repo:acme/shop:ref:refs/heads/feature"}, "AccessDenied", 403),
    ],
)
def test_a_token_is_held_against_provider_and_trust_policy(
    aws: Aws, clients: Clients, mint: Callable[..., str], claims: dict[str, str], code: str, status: int
) -> None:
    before = aws.principals.sessions()
    found, _, found_status = refusal(lambda: _assume(clients.open_sts(), mint(**claims)))
    assert (found, found_status) == (code, status)
    assert aws.principals.sessions() == before


@pytest.mark.usefixtures("provider")
def test_a_forged_signature_is_refused(aws: Aws, clients: Clients, mint: Callable[..., str]) -> None:
    head, payload, _ = mint().split(".")
    other = mint(sub="repo:acme/other:ref:refs/heads/main").split(".")[2]
    for token in (f"{head}.{payload}.{other}", f"{head}.{payload}.", "not.a.token"):
        assert refusal(partial(_assume, clients.open_sts(), token))[0] == "InvalidIdentityToken"
    assert len(aws.principals.sessions()) == 1


@pytest.mark.usefixtures("provider")
def test_a_token_past_its_time_is_expired(clients: Clients, issuer: Issuer) -> None:
    token = issuer.mint("github-actions", audience=AUDIENCE, claims={"sub": MAIN}, now=time.time() - 7200)
    assert refusal(lambda: _assume(clients.open_sts(), token))[0] == "ExpiredTokenException"


@pytest.mark.usefixtures("provider")
def test_a_token_without_a_subject_is_rejected(clients: Clients, issuer: Issuer) -> None:
    token = issuer.mint("github-actions", audience=AUDIENCE, without=["sub"])
    assert refusal(lambda: _assume(clients.open_sts(), token))[0] == "IDPRejectedClaim"


@pytest.mark.usefixtures("provider")
def test_a_key_that_was_withdrawn_verifies_nothing(clients: Clients, issuer: Issuer, mint: Callable[..., str]) -> None:
    token = mint()
    issuer.keys("github-actions").rotate(keep_previous=False)
    assert refusal(lambda: _assume(clients.open_sts(), token))[0] == "InvalidIdentityToken"


@pytest.mark.usefixtures("provider")
def test_an_issuer_that_fails_is_its_own_error(clients: Clients, issuer: Issuer, mint: Callable[..., str]) -> None:
    token = mint()
    for fault in (IssuerFault(kind="server-error"), IssuerFault(kind="drop")):
        issuer.faults.plan(("github-actions", "keys"), fault, times=1)
        assert refusal(lambda: _assume(clients.open_sts(), token))[0] == "IDPCommunicationError"
    issuer.faults.plan(("github-actions", "discovery"), IssuerFault(kind="wrong-issuer"), times=1)
    assert refusal(lambda: _assume(clients.open_sts(), token))[0] == "InvalidIdentityToken"


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    "changes",
    [
        {"WebIdentityToken": "x" * 20_001},
        {"RoleSessionName": "acme/shop"},
        {"DurationSeconds": 3601},
        {"Policy": SESSION_POLICY + " " * 2048},
    ],
)
def test_its_parameters_have_limits(clients: Clients, mint: Callable[..., str], changes: dict[str, object]) -> None:
    token = str(changes.pop("WebIdentityToken", mint()))
    assert refusal(lambda: _assume(clients.open_sts(), token, **changes))[0] == "ValidationError"


@pytest.mark.usefixtures("provider")
def test_another_account_does_not_know_the_issuer(clients: Clients, mint: Callable[..., str]) -> None:
    elsewhere = ROLE.replace(ACCOUNT, "444455556666")
    found = refusal(lambda: _assume(clients.open_sts(), mint(), RoleArn=elsewhere))
    assert found[0] == "InvalidIdentityToken"
    assert "No OpenIDConnect provider found" in found[1]


def test_planned_faults_occur(aws: Aws, clients: Clients, mint: Callable[..., str]) -> None:
    aws.faults.plan("sts:AssumeRoleWithWebIdentity", AwsFault(kind="throttle"), times=1)
    assert refusal(lambda: _assume(clients.open_sts(), mint()))[0] == "Throttling"

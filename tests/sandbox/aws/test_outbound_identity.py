import json
import time
from functools import partial

import jwt
import pytest

from sandbox import account
from sandbox.aws.principals import Session, make_role
from sandbox.aws.server import Aws
from sandbox.issuer import Issuer
from tests.sandbox.clients import Clients, call, refusal

ROLE = f"arn:aws:iam::{account.BUILDS_ACCOUNT}:role/codebuild/shop-images"
AUDIENCE = "https://exchange.acme.example"
STS = "https://sts.amazonaws.com/"


def _session(*statements: dict[str, object], role: str = ROLE, expires_at: float | None = None) -> Session:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    no_principal = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [no_principal]})
    return Session(
        role=make_role(role, trust=trust, permissions=[policy]),
        name="build-7",
        access_key_id="ASIATHEBUILDSSESSION",
        secret_access_key="a-secret-that-opens-nothing",
        session_token="a-session-token-that-opens-nothing",
        expires_at=expires_at,
    )


def _allow(*actions: str, **condition: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", "Condition": condition}


ANYTHING = _allow("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken")
NARROW = _allow(
    "sts:GetWebIdentityToken",
    **{
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": [AUDIENCE]},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
        "StringEquals": {"sts:SigningAlgorithm": "RS256"},
    },
)


class Asked:
    """STS as one session asks it."""

    def __init__(self, aws: Aws, clients: Clients, issuer: Issuer) -> None:
        self._aws = aws
        self._clients = clients
        self._issuer = issuer

    def token(self, session: Session, **changes: object) -> str:
        self._aws.principals.remember(session)
        client = self._clients.sts(
            key=session.access_key_id, secret=session.secret_access_key, token=session.session_token
        )
        asked = {"Audience": [AUDIENCE], "SigningAlgorithm": "RS256", "DurationSeconds": 300, **changes}
        given = {name: value for name, value in asked.items() if value is not None}
        return str(call(client, "get_web_identity_token", **given)["WebIdentityToken"])

    def claims(self, session: Session, **changes: object) -> dict[str, object]:
        """Return the claims of a token whose signature one of the issuer's published keys verifies."""
        token = self.token(session, **changes)
        keys = jwt.PyJWKSet.from_dict({"keys": self._issuer.tokens.published("aws-sts")})
        header = jwt.get_unverified_header(token)
        assert header["alg"] == changes.get("SigningAlgorithm", "RS256")
        claims: dict[str, object] = jwt.decode(
            token, keys[header["kid"]], algorithms=[header["alg"]], options={"verify_aud": False}
        )
        return claims


@pytest.fixture
def sts(aws: Aws, clients: Clients, issuer: Issuer) -> Asked:
    aws.outbound_federation.enable(account.BUILDS_ACCOUNT, sign=partial(issuer.mint, "aws-sts"))
    return Asked(aws, clients, issuer)


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_role_gets_a_token_about_itself(sts: Asked, issuer: Issuer, algorithm: str) -> None:
    claims = sts.claims(_session(ANYTHING), SigningAlgorithm=algorithm)
    assert claims["iss"] == issuer.issuer_url("aws-sts")
    assert claims["sub"] == ROLE  # with its path, and without the session's name
    assert claims["aud"] == AUDIENCE
    assert isinstance(claims["iat"], int)
    assert claims["exp"] == claims["iat"] + 300
    assert "nbf" not in claims
    assert claims[STS] == {"aws_account": account.BUILDS_ACCOUNT, "source_region": account.REGION}


def test_audiences_are_a_list_and_tags_are_the_callers(sts: Asked) -> None:
    expires_at = time.time() + 3600
    claims = sts.claims(
        _session(ANYTHING, expires_at=expires_at),
        Audience=["https://one.example", "https://two.example"],
        Tags=[{"Key": "build", "Value": "7"}],
        DurationSeconds=None,
    )
    assert claims["aud"] == ["https://one.example", "https://two.example"]
    within = claims[STS]
    assert isinstance(within, dict)
    assert within["request_tags"] == {"build": "7"}
    assert "principal_tags" not in within
    assert within["original_session_exp"].endswith("Z")


def test_tokens_within_the_permission_are_issued(sts: Asked) -> None:
    assert sts.claims(_session(NARROW))["sub"] == ROLE


@pytest.mark.parametrize(
    ("statement", "changes", "code", "text"),
    [
        # permissions, each condition by itself
        (_allow("sts:AssumeRole"), {}, "AccessDenied", "build-7 is not authorized to perform: sts:GetWebIdentityToken"),
        (NARROW, {"Audience": ["https://elsewhere.example"]}, "AccessDenied", ""),
        (NARROW, {"Audience": [AUDIENCE, "https://elsewhere.example"]}, "AccessDenied", ""),
        (NARROW, {"DurationSeconds": 301}, "AccessDenied", ""),
        (NARROW, {"DurationSeconds": None}, "AccessDenied", ""),
        (NARROW, {"SigningAlgorithm": "ES384"}, "AccessDenied", ""),
        (NARROW, {"Tags": [{"Key": "build", "Value": "7"}]}, "AccessDenied", "sts:TagGetWebIdentityToken"),
        # the model's upper bounds; the client itself refuses what is below the lower ones
        (ANYTHING, {"SigningAlgorithm": "HS256"}, "ValidationError", "signingAlgorithm"),
        (ANYTHING, {"DurationSeconds": 3601}, "ValidationError", "durationSeconds"),
        (ANYTHING, {"Audience": [f"https://{n}.example" for n in range(11)]}, "ValidationError", "audience"),
        (ANYTHING, {"Audience": ["a" * 1001]}, "ValidationError", "audience"),
    ],
)
def test_invalid_parameters_are_refused_as_by_sts(
    sts: Asked, statement: dict[str, object], changes: dict[str, object], code: str, text: str
) -> None:
    found, message, _ = refusal(lambda: sts.token(_session(statement), **changes))
    assert found == code
    assert text in message


def test_no_token_outlives_its_session(sts: Asked) -> None:
    session = _session(ANYTHING, expires_at=time.time() + 120)
    code, _, status = refusal(lambda: sts.token(session))
    assert (code, status) == ("SessionDurationEscalationException", 403)
    assert sts.token(session, DurationSeconds=60)


def test_a_disabled_account_issues_no_token(sts: Asked) -> None:
    elsewhere = _session(ANYTHING, role="arn:aws:iam::666655554444:role/codebuild/shop-images")
    code, _, status = refusal(lambda: sts.token(elsewhere))
    assert (code, status) == ("OutboundWebIdentityFederationDisabledException", 403)

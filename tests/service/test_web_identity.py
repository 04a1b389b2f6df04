"""Roles that the caller's own token opens: STS checks it a second time, and its refusals are never the caller's."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sandbox.aws.errors import AwsError
from sandbox.aws.server import AwsFault, FaultKind
from sandbox.issuer import IssuerFault
from tests.service.front import Front, Log
from tests.service.other_registries import DIRECT_ROLE, trust_directly

ASSUME = "sts:AssumeRoleWithWebIdentity"
LOGIN = "ecr:GetAuthorizationToken"


def _token(front: Front) -> str:
    return front.token(environment="direct", sub="repo:acme/shop:ref:refs/heads/main")


def test_the_callers_token_assumes_the_role_within_its_reach(others: Front) -> None:
    token = _token(others)
    answer = others.send(token, "registry=direct", request_id="0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    assert answer.status == 200
    (seen,) = others.backends.aws.requests(ASSUME)
    (entry,) = answer.texts("registries")
    policy = str(seen.parameters["Policy"])
    assert seen.parameters == {
        "RoleArn": DIRECT_ROLE,
        "RoleSessionName": "70010001-9100200300-0a1b2c3d4e5f",
        "WebIdentityToken": token,
        "Policy": policy,
        "DurationSeconds": "1200",
    }
    assert "arn:aws:ecr:eu-west-2:111122223333:repository/base/*" in policy
    assert str(entry["expires_at"]) in policy
    # It is not signed: the service's own role has no part in it.
    assert seen.access_key_id is None
    assert others.calls() == [ASSUME, LOGIN]


def test_the_audit_line_names_the_session_and_never_the_token(others: Front, log: Callable[[], Log]) -> None:
    token = _token(others)
    others.send(token, "registry=direct")
    written = log()
    (line,) = written.audit
    (found,) = line["grants"] if isinstance(line["grants"], list) else []
    assert isinstance(found, dict)
    session = others.backends.aws.principals.sessions()[-1]
    assert (found["role_arn"], found["assumed_role_id"]) == (DIRECT_ROLE, session.role_session_id)
    assert found["sts_request_id"] == others.backends.aws.requests(ASSUME)[0].request_id
    assert "source_identity" not in found
    assert token not in written.text
    assert token.split(".")[2] not in written.text


@pytest.mark.parametrize(
    ("trusts", "code"),
    [
        ({"audience": "https://elsewhere.example"}, "AccessDenied"),
        ({"subject": "repo:acme/other:ref:refs/heads/main"}, "AccessDenied"),
        ({"provider": False}, "InvalidIdentityToken"),
    ],
)
def test_a_refusal_by_sts_is_not_the_tokens_fault(
    others: Front, log: Callable[[], Log], trusts: dict[str, str | bool], code: str
) -> None:
    audience, subject = trusts.get("audience"), trusts.get("subject")
    if isinstance(audience, str):
        trust_directly(others.backends, audience=audience)
    elif isinstance(subject, str):
        trust_directly(others.backends, subject=subject)
    else:
        trust_directly(others.backends, provider=False)
    token = _token(others)
    answer = others.send(token, "registry=direct")
    assert (answer.status, answer.reason) == (502, "role-refused")
    said = str(answer.fields["error_description"])
    assert DIRECT_ROLE in said
    assert f"AWS says {code}: " in said
    hint = str(answer.fields["hint"])
    assert "must allow the issuer's OIDC provider sts:AssumeRoleWithWebIdentity, for the token's aud and sub" in hint
    assert "www-authenticate" not in answer.headers
    assert token not in answer.body + log().text
    assert LOGIN not in others.calls()


def test_a_token_that_expires_meanwhile_is_not_called_bad(others: Front) -> None:
    # Within our leeway, which STS does not have.
    now = datetime.now(UTC).timestamp()
    token = others.token(
        environment="direct", sub="repo:acme/shop:ref:refs/heads/main", now=now - 310, lifetime_seconds=300
    )
    answer = others.send(token, "registry=direct")
    assert (answer.status, answer.reason) == (502, "role-refused")
    assert "AWS says ExpiredTokenException" in str(answer.fields["error_description"])


@pytest.mark.parametrize("code", ["IDPRejectedClaim", "ExpiredTokenException", "InvalidIdentityToken"])
def test_each_code_of_sts_has_its_reason(others: Front, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AwsError(code=code, message="as asked", status=403 if code == "IDPRejectedClaim" else 400)

    monkeypatch.setattr("sandbox.aws.web_identity.web_identity", refuse)
    answer = others.send(_token(others), "registry=direct")
    assert (answer.status, answer.reason) == (502, "role-refused")
    assert f"AWS says {code}: as asked" in str(answer.fields["error_description"])


def test_an_issuer_that_sts_does_not_reach_is_for_trying_again(others: Front) -> None:
    token = _token(others)
    others.send(token, "registry=apps")  # now the service has the keys, and STS has not
    others.backends.issuer.faults.plan(("github-actions", "keys"), IssuerFault(kind="server-error"))
    answer = others.send(token, "registry=direct")
    assert (answer.status, answer.reason) == (503, "aws-unavailable")
    assert "IDPCommunicationError" in str(answer.fields["error_description"])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("throttle", "aws-throttled"), ("server-error", "aws-unavailable"), ("drop", "aws-unavailable")],
)
def test_transient_failures_can_be_retried(others: Front, kind: FaultKind, reason: str) -> None:
    others.backends.aws.faults.plan(ASSUME, AwsFault(kind=kind))
    answer = others.send(_token(others), "registry=direct")
    assert (answer.status, answer.reason) == (503, reason)


def test_an_explanation_sends_the_token_nowhere(others: Front) -> None:
    answer = others.send(_token(others), "registry=direct", path="/v1/explain")
    assert answer.fields["decision"] == "granted"
    assert others.calls() == []

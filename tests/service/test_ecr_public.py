"""Logins of ECR Public: what is asked of AWS for them, and how far they reach."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sandbox import account
from sandbox.aws.server import AwsFault, FaultKind
from tests.service.front import Front, Log

LOGIN = "ecr-public:GetAuthorizationToken"


def _session_policy(front: Front) -> dict[str, object]:
    (seen,) = front.backends.aws.requests("sts:AssumeRole")
    found: dict[str, object] = json.loads(str(seen.parameters["Policy"]))
    return found


def test_pulling_takes_two_rights_and_nothing_else(others: Front) -> None:
    answer = others.send(others.token(), "registry=public")
    assert answer.status == 200
    assert _session_policy(others) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
                "Resource": "*",
            }
        ],
    }
    (entry,) = answer.texts("registries")
    assert (entry["registry"], entry["username"], entry["grant"]) == ("public.ecr.aws", "AWS", "public-pull")
    assert (entry["access"], entry["repositories"], entry["also_pull"]) == ("pull", [], [])
    assert others.backends.aws.public_registry.login(str(entry["password"])) is not None
    assert others.calls() == ["sts:AssumeRole", LOGIN]


def test_pushing_reaches_the_granted_repositories_until_a_date(others: Front) -> None:
    answer = others.send(others.token(environment="release"), "registry=public.ecr.aws")
    (entry,) = answer.texts("registries")
    assert (entry["grant"], entry["access"], entry["repositories"]) == ("public-push", "push", ["acme/acme/shop"])
    statements = _session_policy(others)["Statement"]
    assert isinstance(statements, list)
    assert statements[1:] == [
        {
            "Effect": "Allow",
            "Action": [
                "ecr-public:BatchCheckLayerAvailability",
                "ecr-public:InitiateLayerUpload",
                "ecr-public:UploadLayerPart",
                "ecr-public:CompleteLayerUpload",
                "ecr-public:PutImage",
            ],
            "Resource": "arn:aws:ecr-public::111122223333:repository/acme/acme/shop",
            "Condition": {"DateLessThan": {"aws:CurrentTime": entry["expires_at"]}},
        }
    ]
    assert answer.fields["expires_in"] == 900
    assert answer.fields["scope"] == "repository:acme/acme/shop:pull,push"


def test_the_login_is_requested_in_ecr_publics_region(others: Front) -> None:
    others.send(others.token(), "registry=public")
    assert others.backends.aws.requests(LOGIN)[0].region == "us-east-1"
    session = others.backends.aws.principals.sessions()[-1]
    assert others.backends.aws.requests(LOGIN)[0].access_key_id == session.access_key_id


def test_a_client_finds_it_under_its_host(others: Front) -> None:
    answer = others.send(others.token(), "registry=public&format=docker-config")
    auths = json.loads(answer.body)["auths"]
    assert list(auths) == ["public.ecr.aws"]
    user, _, password = base64.b64decode(auths["public.ecr.aws"]["auth"]).decode().partition(":")
    assert user == "AWS"
    assert others.backends.aws.public_registry.login(password) is not None


def test_the_audit_line_has_the_session(others: Front, log: Callable[[], Log]) -> None:
    others.send(others.token(environment="release"), "registry=public")
    (line,) = log().audit
    grants = line["grants"]
    assert isinstance(grants, list)
    (found,) = grants
    assert isinstance(found, dict)
    session = others.backends.aws.principals.sessions()[-1]
    assert found["role_arn"] == account.PUBLIC_ROLE
    assert found["assumed_role_id"] == session.role_session_id
    assert found["ecr_request_id"] == others.backends.aws.requests(LOGIN)[0].request_id


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("access-denied", 502, "registry-refused"),
        ("throttle", 503, "aws-throttled"),
        ("server-error", 503, "aws-unavailable"),
        ("malformed", 503, "aws-unavailable"),
        ("drop", 503, "aws-unavailable"),
    ],
)
def test_its_failures_are_registry_failures(others: Front, kind: FaultKind, status: int, reason: str) -> None:
    others.backends.aws.faults.plan(LOGIN, AwsFault(kind=kind))
    answer = others.send(others.token(), "registry=public")
    assert (answer.status, answer.reason) == (status, reason)
    assert "password" not in answer.body


def test_a_scope_narrows_only_private_registries(others: Front) -> None:
    answer = others.send(
        others.token(environment="release"), "registry=public&scope=repository:acme/acme/shop:pull,push"
    )
    assert (answer.status, answer.reason) == (400, "scope-exceeds-grant")
    assert "because a scope cannot narrow this login" in answer.body
    assert others.calls() == []


def test_an_explanation_has_reach_and_time(others: Front) -> None:
    answer = others.send(others.token(environment="release"), "registry=public", path="/v1/explain")
    (entry,) = answer.texts("registries")
    assert (entry["access"], entry["repositories"], entry["duration"]) == ("push", ["acme/acme/shop"], "15m")


def test_aws_states_its_own_end(others: Front) -> None:
    (entry,) = others.send(others.token(), "registry=public").texts("registries")
    login = others.backends.aws.public_registry.login(str(entry["password"]))
    assert login is not None
    stated = datetime.fromtimestamp(login.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert entry["registry_expires_at"] == stated

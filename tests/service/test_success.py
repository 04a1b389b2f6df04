"""The answer to a granted request, and the calls to AWS that it took."""

import base64
import json
from datetime import UTC, datetime

import pytest

from sandbox import account
from sandbox.aws.policies import AuthorizationRequest, Decision
from tests.service.front import EXCHANGE_FORM, SHAPES, Answer, Front, Shape
from token_exchange.core.ports import Json

APPS_HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
BASE_HOST = "444455556666.dkr.ecr.us-east-1.amazonaws.com"


def _seconds(text: Json) -> float:
    assert isinstance(text, str)
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def _text(value: Json) -> str:
    assert isinstance(value, str)
    return value


def _assumed(front: Front) -> dict[str, object]:
    (seen,) = front.backends.aws.requests("sts:AssumeRole")
    return dict(seen.parameters)


def test_the_json_answer_is_the_interfaces_to_the_letter(front: Front) -> None:
    answer = front.send(front.token(), {"registry": "apps"}, request_id="0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    assert answer.status == 200
    fields = answer.fields
    assert list(fields) == [
        "access_token",
        "issued_token_type",
        "token_type",
        "expires_in",
        "scope",
        "registries",
        "failed",
        "request_id",
    ]
    (entry,) = answer.texts("registries")
    login = front.backends.aws.registry.login(_text(entry["password"]))
    assert login is not None
    made_at = _seconds(entry["expires_at"]) - 1800
    assert abs(made_at - front.backends.aws.requests()[0].at_seconds) < 2
    assert entry == {
        "name": "apps",
        "registry": APPS_HOST,
        "username": "AWS",
        "password": login.password,
        "grant": "own-images",
        "access": "push",
        "repositories": ["ci/acme/shop", "ci/acme/shop/*"],
        "also_pull": ["base/*"],
        "expires_at": entry["expires_at"],
        "registry_expires_at": datetime.fromtimestamp(login.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert fields == {
        "access_token": login.password,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "N_A",
        "expires_in": 1800,
        "scope": "repository:ci/acme/shop:pull,push repository:ci/acme/shop/*:pull,push repository:base/*:pull",
        "registries": [entry],
        "failed": [],
        "request_id": "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
    }


def test_aws_gets_one_limited_and_attributed_session_request(front: Front) -> None:
    answer = front.send(front.token(), {"registry": "apps"}, request_id="0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    assumed = _assumed(front)
    policy = json.loads(_text_of(assumed.pop("Policy")))
    tags = {
        assumed.pop(f"Tags.member.{position}.Key"): assumed.pop(f"Tags.member.{position}.Value")
        for position in range(1, 10)
    }
    assert assumed == {
        "RoleArn": account.PUSH_ROLE,
        "RoleSessionName": "70010001-9100200300-0a1b2c3d4e5f",
        "DurationSeconds": "1800",
        # The slash is not in the alphabet of a source identity, so the name is altered and marked.
        "SourceIdentity": "acme-shop-d21b2cdf12b74c75",
    }
    assert tags == {
        "issuer": "github",
        "organization": "acme",
        "organization_id": "7001",
        "repository": "acme/shop",
        "repository_id": "70010001",
        "ref": "refs/heads/main",
        "run_id": "9100200300",
        "actor": "ada",
        "grant": "own-images",
    }
    (entry,) = answer.texts("registries")
    until = {"DateLessThan": {"aws:CurrentTime": entry["expires_at"]}}
    repository = "arn:aws:ecr:eu-west-1:111122223333:repository/"
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    push = [*pull, "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": push,
                "Resource": [f"{repository}ci/acme/shop", f"{repository}ci/acme/shop/*"],
                "Condition": until,
            },
            {"Effect": "Allow", "Action": pull, "Resource": f"{repository}base/*", "Condition": until},
        ],
    }


def _text_of(value: object) -> str:
    assert isinstance(value, str)
    return value


def test_the_login_reaches_exactly_what_the_answer_says(front: Front) -> None:
    answer = front.send(front.token(), {"registry": "apps"})
    (entry,) = answer.texts("registries")
    login = front.backends.aws.registry.login(_text(entry["password"]))
    assert login is not None
    assert login.session.policy is not None
    end = _seconds(entry["expires_at"])
    for action, name, seconds, expected in (
        ("ecr:PutImage", "ci/acme/shop", end - 1, Decision.ALLOW),
        ("ecr:PutImage", "ci/acme/shop/web", end - 1, Decision.ALLOW),
        ("ecr:BatchGetImage", "base/alpine", end - 1, Decision.ALLOW),
        ("ecr:PutImage", "ci/acme/shop", end, Decision.IMPLICIT_DENY),
        ("ecr:PutImage", "base/alpine", end - 1, Decision.IMPLICIT_DENY),
        ("ecr:PutImage", "ci/acme/shopkeeper", end - 1, Decision.IMPLICIT_DENY),
        ("ecr:BatchGetImage", "ci/acme/other", end - 1, Decision.IMPLICIT_DENY),
        ("ecr:BatchDeleteImage", "ci/acme/shop", end - 1, Decision.IMPLICIT_DENY),
        ("ecr:SetRepositoryPolicy", "ci/acme/shop", end - 1, Decision.IMPLICIT_DENY),
    ):
        ask = AuthorizationRequest(
            action=action,
            resource=f"arn:aws:ecr:eu-west-1:111122223333:repository/{name}",
            context={"aws:currenttime": [datetime.fromtimestamp(seconds, UTC).isoformat()]},
        )
        assert login.session.policy.evaluate(ask) is expected, (action, name)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_front_door_leads_to_the_same_answer(front: Front, shape: Shape) -> None:
    answer = front.send(front.token(), {"registry": "apps"}, shape=shape)
    assert (answer.status, answer.fields["scope"]) == (
        200,
        "repository:ci/acme/shop:pull,push repository:ci/acme/shop/*:pull,push repository:base/*:pull",
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("repeated", [False, True])
def test_a_token_in_a_body_is_as_good(front: Front, shape: Shape, *, repeated: bool) -> None:
    form = {**EXCHANGE_FORM, "subject_token": front.token()}
    as_form = front.send(form={**form, "registry": "base"}, shape=shape)
    registries: Json = ["base", BASE_HOST] if repeated else "base"
    as_json = front.send(json_body={**form, "registry": registries}, shape=shape)
    for answer in (as_form, as_json):
        assert answer.status == 200
        assert [entry["name"] for entry in answer.texts("registries")] == ["base"]


def test_a_request_signed_for_aws_carries_its_token_in_the_body(front: Front) -> None:
    # A function URL with IAM authorization: the header holds commas, and is no token.
    signed = (
        "AWS4-HMAC-SHA256 Credential=ASIAX/20261121/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=a="
    )
    answer = front.send(form={**EXCHANGE_FORM, "subject_token": front.token()}, headers=[("Authorization", signed)])
    assert answer.status == 200


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["apps", "base"]),
        ("registry=base&registry=apps", ["base", "apps"]),
        (f"registry={APPS_HOST}", ["apps"]),
        ("registry=apps.acme.example", ["apps"]),
        (f"resource=https%3A%2F%2F{BASE_HOST}", ["base"]),
        (f"resource=https%3A%2F%2F{BASE_HOST}%2F&audience=apps", ["base", "apps"]),
        (f"audience={APPS_HOST}", ["apps"]),
        ("registry=base&registry=base", ["base"]),
        ("grant=base-images", ["base"]),
        # RFC 6749 section 3.1: without a value a parameter counts as omitted, and an unknown one is ignored.
        ("registry=&scope=&client_id=me&subject=x", ["apps", "base"]),
    ],
)
def test_logins_are_in_the_requested_order(front: Front, query: str, names: list[str]) -> None:
    answer = front.send(front.token(), query)
    assert answer.status == 200, answer.body
    assert [entry["name"] for entry in answer.texts("registries")] == names
    assert sorted(front.calls()) == ["ecr:GetAuthorizationToken"] * len(names) + ["sts:AssumeRole"] * len(names)


@pytest.mark.parametrize(
    ("scope", "access", "repositories", "also_pull"),
    [
        ("repository:ci/acme/shop:pull", "pull", ["ci/acme/shop"], []),
        ("repository:ci/acme/shop/web:push", "push", ["ci/acme/shop/web"], []),
        ("repository:base/go:pull repository:ci/acme/shop:push,pull", "push", ["ci/acme/shop"], ["base/go"]),
        ("repository:ci/acme/shop:pull repository:ci/acme/shop:push", "push", ["ci/acme/shop"], []),
    ],
)
def test_a_scope_makes_the_login_narrower(
    front: Front, scope: str, access: str, repositories: list[str], also_pull: list[str]
) -> None:
    answer = front.send(front.token(), {"registry": "apps", "scope": scope})
    (entry,) = answer.texts("registries")
    assert (entry["access"], entry["repositories"], entry["also_pull"]) == (access, repositories, also_pull)
    (session,) = [each.session for each in front.backends.aws.registry.logins() if each.password == entry["password"]]
    assert session.policy is not None
    wide = AuthorizationRequest(
        action="ecr:BatchGetImage",
        resource="arn:aws:ecr:eu-west-1:111122223333:repository/ci/acme/shop/else",
        context={"aws:currenttime": ["2020-01-01T00:00:00+00:00"]},
    )
    assert session.policy.evaluate(wide) is Decision.IMPLICIT_DENY


def test_a_short_login_has_a_long_session_and_a_short_policy(front: Front) -> None:
    token = front.token(environment="release", ref="refs/heads/release-1")
    answer = front.send(token, {"registry": "apps"})
    assert answer.fields["expires_in"] == 60
    assumed = _assumed(front)
    assert assumed["DurationSeconds"] == "900"  # STS gives nothing shorter
    assert assumed["ExternalId"] == account.RELEASE_EXTERNAL_ID
    assert _text(answer.texts("registries")[0]["expires_at"]) in _text_of(assumed["Policy"])


def _passwords(front: Front) -> list[str]:
    return [login.password for login in front.backends.aws.registry.logins()]


def test_a_docker_config_holds_every_host_of_every_registry(front: Front) -> None:
    before = len(_passwords(front))
    answer = front.send(front.token(), {"format": "docker-config"})
    # Both are made at the same time.
    made = {login.region: login.password for login in front.backends.aws.registry.logins()[before:]}
    apps, base = made["eu-west-1"], made["us-east-1"]
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.fields == {
        "auths": {
            APPS_HOST: {"auth": base64.b64encode(f"AWS:{apps}".encode()).decode()},
            "apps.acme.example": {"auth": base64.b64encode(f"AWS:{apps}".encode()).decode()},
            BASE_HOST: {"auth": base64.b64encode(f"AWS:{base}".encode()).decode()},
        }
    }


def test_a_password_is_the_password_and_nothing_else(front: Front) -> None:
    answer = front.send(front.token(), {"format": "password", "registry": "apps"})
    assert answer.status == 200
    assert answer.body == _passwords(front)[-1]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_password_is_for_one_of_the_granted_registries(front: Front) -> None:
    answer = front.send(front.token(), {"format": "password"})
    assert (answer.status, answer.reason, answer.fields["error"]) == (400, "ambiguous-registry", "invalid_target")
    description = answer.fields["error_description"]
    assert isinstance(description, str)
    assert description.endswith("apps, base")
    assert front.calls() == []


def test_json_lists_the_failed_registries(front: Front) -> None:
    answer = front.send(front.token(environment="broken"))
    assert answer.status == 200
    assert [entry["name"] for entry in answer.texts("registries")] == ["apps", "base"]
    (failed,) = answer.texts("failed")
    assert list(failed) == ["name", "reason", "message"]
    assert (failed["name"], failed["reason"]) == ("broken", "role-refused")
    assert "AccessDenied" in _text(failed["message"])
    assert answer.fields["access_token"] == answer.texts("registries")[0]["password"]


def test_a_format_without_a_place_for_failures_is_refused_whole(front: Front) -> None:
    answer = front.send(front.token(environment="broken"), {"format": "docker-config"})
    assert (answer.status, answer.reason) == (502, "role-refused")
    assert answer.headers["content-type"] == "application/json"
    assert "auths" not in answer.body
    _holds_no_secret(front, answer)


def test_all_failing_is_a_refusal_in_json_too(front: Front) -> None:
    answer = front.send(front.token(environment="broken"), {"registry": "broken"})
    assert (answer.status, answer.reason) == (502, "role-refused")
    assert "registries" not in answer.fields


def _holds_no_secret(front: Front, answer: Answer) -> None:
    for login in front.backends.aws.registry.logins():
        assert login.password not in answer.body
        assert login.session.secret_access_key not in answer.body
        assert login.session.session_token not in answer.body


def test_no_answer_holds_the_roles_credentials(front: Front) -> None:
    answer = front.send(front.token())
    for session in front.backends.aws.principals.sessions():
        for secret in (session.access_key_id, session.secret_access_key, session.session_token):
            assert secret not in answer.body


@pytest.mark.parametrize("wanted", ["json", "docker-config", "password"])
def test_every_success_carries_the_headers_of_a_secret(front: Front, wanted: str) -> None:
    answer = front.send(front.token(), {"format": wanted, "registry": "apps"}, request_id="r-1")
    assert answer.headers.items() >= {
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", "r-1"),
    }

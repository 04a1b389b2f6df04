"""Logins that are kept in Secrets Manager: handed out as they are, and never shown anywhere else."""

import base64
import json
from collections.abc import Callable

import pytest

from sandbox import account
from sandbox.aws.server import AwsFault, FaultKind
from tests.service.front import Front, Log
from tests.service.other_registries import FORBIDDEN_SECRET, HUB_PASSWORD, HUB_SECRET, login_of_the_hub

READ = "secretsmanager:GetSecretValue"

type ReadLog = Callable[[], Log]


def test_the_answer_has_no_bounds_since_there_are_none(others: Front, log: ReadLog) -> None:
    answer = others.send(others.token(), "registry=hub", request_id="0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    assert answer.status == 200
    entry = {
        "name": "hub",
        "registry": "docker.io",
        "username": "acme-ci",
        "password": HUB_PASSWORD,
        "grant": "hub-login",
    }
    assert answer.fields == {
        "access_token": HUB_PASSWORD,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "N_A",
        "registries": [entry],
        "failed": [],
        "request_id": "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
    }
    assert others.calls() == [READ]
    written = log()
    (line,) = written.audit
    (seen,) = others.backends.aws.requests(READ)
    assert line["grants"] == [
        {"grant": "hub-login", "registry": "hub", "secret_arn": HUB_SECRET, "secret_request_id": seen.request_id}
    ]
    assert HUB_PASSWORD not in written.text


def test_a_secret_is_read_in_its_own_region_as_the_service(others: Front) -> None:
    others.send(others.token(), "registry=hub")
    (seen,) = others.backends.aws.requests(READ)
    assert (seen.region, seen.parameters) == ("eu-west-1", {"SecretId": HUB_SECRET})
    assert seen.access_key_id == "ASIASANDBOXSERVICE01"


def test_a_changed_password_is_returned_at_once(others: Front) -> None:
    others.send(others.token(), "registry=hub")
    others.backends.aws.secrets.put(login_of_the_hub(value='{"username": "acme-ci", "password": "the-next-one"}'))
    assert others.send(others.token(), "registry=hub&format=password").body == "the-next-one"


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_a_docker_hub_login_has_the_key_its_clients_expect(others: Front, name: str) -> None:
    answer = others.send(others.token(), f"registry={name}&format=docker-config")
    auth = base64.b64encode(f"acme-ci:{HUB_PASSWORD}".encode()).decode()
    assert json.loads(answer.body) == {"auths": {"https://index.docker.io/v1/": {"auth": auth}}}


def test_a_shell_gets_no_expiry(others: Front) -> None:
    body = others.send(others.token(), "registry=hub&format=shell").body
    assert body.splitlines() == [
        "export REGISTRY='docker.io'",
        "export REGISTRY_USERNAME='acme-ci'",
        f"export REGISTRY_PASSWORD='{HUB_PASSWORD}'",
    ]
    names = [line.split("=")[0] for line in others.send(others.token(), "registry=hub&format=dotenv").body.splitlines()]
    assert names == ["REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"]


def test_it_cannot_be_narrowed(others: Front) -> None:
    answer = others.send(others.token(), "registry=hub&scope=repository:library/alpine:pull")
    assert (answer.status, answer.reason) == (400, "scope-exceeds-grant")
    assert others.calls() == []


def test_an_explanation_names_it_and_reads_no_secret(others: Front) -> None:
    answer = others.send(others.token(), "registry=hub", path="/v1/explain")
    assert (answer.status, answer.fields["decision"]) == (200, "granted")
    assert answer.texts("registries") == [{"name": "hub", "registry": "docker.io", "grant": "hub-login"}]
    assert others.calls() == []


def test_it_can_be_returned_with_a_limited_login(others: Front) -> None:
    answer = others.send(others.token(), "registry=hub&registry=apps")
    first, second = answer.texts("registries")
    assert (first["name"], second["name"]) == ("hub", "apps")
    assert "expires_at" not in first
    assert "expires_at" in second
    assert "expires_in" not in answer.fields


def test_a_format_that_cannot_hold_a_login_is_not_our_fault(others: Front, log: ReadLog) -> None:
    others.backends.aws.secrets.put(login_of_the_hub(value='{"username": "acme-ci", "password": "with space"}'))
    answer = others.send(others.token(), "registry=hub&format=dotenv")
    assert (answer.status, answer.reason) == (502, "misconfigured")
    assert [line["fault"] for line in log().metrics if "fault" in line] == ["caller"]


@pytest.mark.parametrize(
    "value",
    [
        # no text, no JSON, not an object
        b"\x00\xff",
        "",
        "dckr-pat-in-the-clear",
        '["acme-ci", "dckr-pat-in-the-clear"]',
        '{"username": "acme-ci", "password": "dckr-pat-in-the-clear"',
        "[" * 60_000,
        # without a name, without a password, or with something else in their place
        '{"username": "acme-ci"}',
        '{"password": "dckr-pat-in-the-clear"}',
        '{"username": "", "password": "dckr-pat-in-the-clear"}',
        '{"username": "acme-ci", "password": ""}',
        '{"username": 7, "password": "dckr-pat-in-the-clear"}',
        '{"username": "acme-ci", "password": ["dckr-pat-in-the-clear"]}',
        # what no basic authentication can carry
        '{"username": "acme:ci", "password": "dckr-pat-in-the-clear"}',
        '{"username": "acme-ci", "password": "dckr-pat-in-the-clear\\n"}',
        '{"username": "acme-ci", "password": "dckr-pat-in-the-clear\\ud800"}',
    ],
)
def test_a_secret_without_a_login_is_refused_and_not_quoted(others: Front, log: ReadLog, value: str | bytes) -> None:
    others.backends.aws.secrets.put(login_of_the_hub(value=value))
    answer = others.send(others.token(), "registry=hub")
    assert (answer.status, answer.reason) == (502, "secret-refused")
    assert answer.fields["error_description"] == (
        f"secret {HUB_SECRET}: expected a JSON object with username and password"
    )
    written = log()
    assert "dckr-pat" not in written.text + answer.body
    (line,) = written.audit
    assert (line["decision"], line["reason"]) == ("failed", "secret-refused")
    assert line["grants"] == [{"grant": "hub-login", "registry": "hub", "reason": "secret-refused"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"is_deleted": True}, "InvalidRequestException"),
        ({"is_locked": True}, "DecryptionFailure"),
        ({"value": None}, "ResourceNotFoundException"),
    ],
)
def test_an_unreadable_secret_is_refused_with_awss_message(
    others: Front, changes: dict[str, bool | None], code: str
) -> None:
    others.backends.aws.secrets.put(login_of_the_hub(**changes))
    answer = others.send(others.token(), "registry=hub")
    assert (answer.status, answer.reason) == (502, "secret-refused")
    assert f"secret {HUB_SECRET}: AWS says {code}" in str(answer.fields["error_description"])


def test_a_deleted_secret_is_refused(others: Front) -> None:
    others.backends.aws.secrets.remove(HUB_SECRET)
    answer = others.send(others.token(), "registry=hub")
    assert (answer.status, answer.reason) == (502, "secret-refused")
    assert "ResourceNotFoundException" in str(answer.fields["error_description"])


def test_a_secret_that_the_service_may_not_read_is_refused(others: Front) -> None:
    answer = others.send(others.token(environment="quay"), "registry=quay")
    assert (answer.status, answer.reason) == (502, "secret-refused")
    assert f"secret {FORBIDDEN_SECRET}: AWS says AccessDeniedException" in str(answer.fields["error_description"])


def test_without_a_grant_nothing_of_the_secret_is_disclosed(others: Front) -> None:
    answer = others.send(others.token(ref="refs/heads/feature/x"), "registry=hub")
    assert (answer.status, answer.reason) == (403, "no-matching-grant")
    assert "secretsmanager" not in answer.body
    assert others.calls() == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("throttle", "aws-throttled"),
        ("server-error", "aws-unavailable"),
        ("unavailable", "aws-unavailable"),
        ("malformed", "aws-unavailable"),
        ("drop", "aws-unavailable"),
    ],
)
def test_transient_failures_can_be_retried(others: Front, kind: FaultKind, reason: str) -> None:
    others.backends.aws.faults.plan(READ, AwsFault(kind=kind))
    answer = others.send(others.token(), "registry=hub")
    assert (answer.status, answer.reason) == (503, reason)
    assert "retry-after" in answer.headers


def test_one_failure_does_not_affect_the_others(others: Front) -> None:
    others.backends.aws.secrets.remove(HUB_SECRET)
    answer = others.send(others.token(), "registry=apps&registry=hub")
    assert [entry["name"] for entry in answer.texts("registries")] == ["apps"]
    (failed,) = answer.texts("failed")
    assert (failed["name"], failed["reason"]) == ("hub", "secret-refused")


def test_the_sandboxs_policy_has_registries_beyond_private_ecr(
    front: Front, changed: Callable[[dict[str, str]], Front]
) -> None:
    front.backends.aws.secrets.put(account.hub_secret())
    sandbox = changed({"TOKEN_EXCHANGE_POLICY": front.backends.environment()["TOKEN_EXCHANGE_POLICY"]})
    answer = sandbox.send(sandbox.token(environment="elsewhere"), "registry=public&registry=docker.io")
    assert answer.status == 200
    public, hub = answer.texts("registries")
    assert (public["registry"], public["repositories"]) == ("public.ecr.aws", ["acme/shop"])
    assert (hub["registry"], hub["username"]) == ("docker.io", "acme-ci")
    plain = sandbox.send(sandbox.token(), "registry=public")
    assert (plain.status, plain.reason) == (403, "no-matching-grant")

"""The required and forbidden fields of a grant, for each kind of registry and each way to assume its role."""

import pytest

from tests.core.decisions import terms
from tests.loading.documents import Document, changed, document, faults, grant, load, without
from token_exchange.core.ports import Json

ROLE = "arn:aws:iam::210987654321:role/ci-reader"
SECRET = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:hub-AbCdEf"
REGISTRIES: Json = {
    "apps": {"type": "ecr", "account": "210987654321", "region": "eu-central-1"},
    "public": {"type": "ecr-public", "account": "210987654321"},
    "hub": {"type": "secret", "host": "docker.io", "secret_arn": SECRET},
}


def policy(**changes: Json) -> Document:
    return document(grant(**changes), registries=REGISTRIES)


def stored(**changes: Json) -> Document:
    nothing: dict[str, Json] = {"role": None, "access": None, "repositories": None}
    return policy(registry="hub", **{**nothing, **changes})


# ------------------------------------------------------------------------------------------------------ stored logins


def test_a_stored_login_has_no_terms() -> None:
    (found,) = load(stored(match={"branch": "main"}, single_use=True, contact="#hub")).grants
    assert found.terms is None
    assert found.single_use


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("role", ROLE),
        ("access", "pull"),
        ("repositories", ["a"]),
        ("duration", "30m"),
        ("also_pull", ["b"]),
        ("also", ["list"]),
        ("external_id", "xx"),
        ("session_tags", True),
        ("source_identity", False),
        ("assume", "broker"),
    ],
)
def test_nothing_that_bounds_a_session_bounds_a_stored_login(key: str, value: Json) -> None:
    assert faults(stored(**{key: value})) == [(f"grants[0].{key}", "conflict")]


# ------------------------------------------------------------------------------------------------------ ECR Public


def test_pull_from_ecr_public_needs_no_account_or_repositories() -> None:
    (found,) = load(policy(registry="public", repositories=None)).grants
    assert (terms(found).access, terms(found).repositories) == ("pull", ())


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"registry": "public"}, ("grants[0].repositories", "conflict")),
        ({"registry": "public", "access": "push", "repositories": None}, ("grants[0].repositories", "missing")),
        ({"registry": "public", "access": "push", "also": ["list"]}, ("grants[0].also", "conflict")),
        ({"registry": "public", "access": "push", "also_pull": ["b"]}, ("grants[0].also_pull", "conflict")),
        ({"registry": "public", "access": "push", "role": None}, ("grants[0].role", "missing")),
        ({"registry": "public", "repositories": None, "access": None}, ("grants[0].access", "missing")),
        (
            {"registry": "public", "repositories": None, "role": "arn:aws-cn:iam::210987654321:role/x"},
            ("grants[0].role", "conflict"),
        ),
    ],
)
def test_one_fault_of_a_grant_for_ecr_public(changes: dict[str, Json], fault: tuple[str, str]) -> None:
    assert faults(policy(**changes)) == [fault]


def test_pushing_to_ecr_public_needs_an_account() -> None:
    found = changed(policy(registry="public", access="push"), "registries.public", {"type": "ecr-public"})
    assert faults(found) == [("grants[0].registry", "conflict")]


def test_pushing_to_ecr_public() -> None:
    (found,) = load(policy(registry="public", access="push", repositories=["{repository_id}/app"])).grants
    assert terms(found).repositories[0].names == ("repository_id",)


# ------------------------------------------------------------------------------------------------------ web identity


def test_with_web_identity_only_the_token_is_sent_to_sts() -> None:
    (found,) = load(policy(assume="web-identity")).grants
    assert (terms(found).assume, terms(found).session_tags, terms(found).source_identity) == (
        "web-identity",
        False,
        False,
    )
    (broker,) = load(policy()).grants
    assert (terms(broker).assume, terms(broker).session_tags, terms(broker).source_identity) == ("broker", True, True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("external_id", "x-1"),
        ("session_tags", True),
        ("session_tags", False),
        ("session_tags", {"a": "b"}),
        ("source_identity", True),
        ("source_identity", "{actor}"),
    ],
)
def test_keys_not_allowed_with_web_identity(key: str, value: Json) -> None:
    assert faults(policy(assume="web-identity", **{key: value})) == [(f"grants[0].{key}", "conflict")]


KEYS: Json = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}


def test_sts_has_to_reach_the_issuers_keys_itself() -> None:
    found = policy(assume="web-identity", issuers=["own"])
    load(found)
    pinned = changed(changed(found, "issuers.own.algorithms", ["EdDSA"]), "issuers.own.jwks", KEYS)
    assert faults(pinned) == [("grants[0].assume", "conflict")]
    certificate = "-----BEGIN CERTIFICATE-----\n"
    assert faults(changed(found, "issuers.own.ca_bundle", certificate)) == [("grants[0].assume", "conflict")]


def test_sts_does_not_accept_its_own_tokens() -> None:
    found = policy(assume="web-identity", issuers=["builds"])
    entry: Json = {
        "provider": "aws-sts",
        "issuer": "https://0d6f.tokens.sts.global.api.aws",
        "audience": "https://ecr.nordlicht.example",
        "organizations": [{"id": "210987654321"}],
    }
    assert faults(changed(found, "issuers.builds", entry)) == [("grants[0].assume", "conflict")]


def test_the_audience_of_aws_needs_a_word_with_web_identity_too() -> None:
    found = changed(policy(assume="web-identity"), "issuers.github.audience", "sts.amazonaws.com")
    assert ("issuers.github.audience", "conflict") in faults(found)
    yes: Json = True
    load(changed(found, "issuers.github.shared_audience", yes))


def test_a_grant_without_a_registry_is_one_fault_and_not_five() -> None:
    assert faults(without(policy(), "grants[0].registry")) == [("grants[0].registry", "missing")]


@pytest.mark.parametrize(("key", "value"), [("host", "https://docker.io"), ("secret_arn", "dockerhub")])
def test_a_broken_stored_login_is_reported_without_its_grant(key: str, value: str) -> None:
    found = changed(stored(), f"registries.hub.{key}", value)
    assert faults(found) == [(f"registries.hub.{key}", "bad-value")]


def test_docker_hub_is_one_registry_by_each_of_its_names() -> None:
    for name in ("docker.io", "index.docker.io", "registry-1.docker.io"):
        found = load(changed(stored(), "registries.hub.host", name))
        for host in ("docker.io", "index.docker.io", "registry-1.docker.io"):
            assert found.registries_by_name_or_host[host].name == "hub"

"""Disclosure: an unverified caller learns nothing of the policy, and a caller nothing about others' grants."""

import time
from collections.abc import Callable

import pytest

from sandbox.aws.server import AwsFault
from tests.service.front import Front
from tests.service.policy import NOBODYS_ROLE
from token_exchange.core.ports import Json

SECRETS_OF_THE_POLICY = (
    "arn:aws:iam",
    "ci-ecr",
    "kill-switch",
    "other-teams-secret",
    "99999999",
    "releases/other",
    '7001"',
)

BARE_POLICY = """\
version: 1
issuers:
  another-name:
    provider: github-actions
    host: localhost:{port}
    audience: https://exchange.acme.example
    organizations: [{{name: somebody-else}}]
    ca_bundle: ca.pem
    max_lifetime: 50m
    leeway: 0s
registries:
  other: {{type: ecr, account: "999999999999", region: us-west-1}}
grants:
  - name: nothing-alike
    issuers: [another-name]
    registry: other
    role: {role}
    access: pull
    repositories: [other]
"""

type MintToken = Callable[[Front], str | None]


def _tampered(front: Front) -> str:
    header, payload, signature = front.token().split(".")
    return f"{header}.{payload}.{signature[:-4]}AAAA"


UNVERIFIED: dict[str, MintToken] = {
    "no token": lambda _: None,
    "not a token": lambda _: "x.y.z",
    "no issuer of ours": lambda front: front.token(iss="https://elsewhere.example"),
    "an unknown audience": lambda front: front.token(audience="https://elsewhere.example"),
    "an unknown key": lambda front: front.token(header={"kid": "nobodys"}),
    "a bad signature": _tampered,
    "no expiry": lambda front: front.token(without=["exp"]),
    "expired long ago": lambda front: front.token(now=time.time() - 7200),
    "not valid for long": lambda front: front.token(now=time.time() + 7200),
    "lives for a day": lambda front: front.token(lifetime_seconds=86400),
    "not a job's": lambda front: front.token(without=["repository_id"]),
    "an unknown organization": lambda front: front.token("other-organization"),
}


@pytest.fixture
def other_policy(front: Front, changed: Callable[[dict[str, str]], Front]) -> Front:
    path = front.backends.policy_path.with_name("bare.yaml")
    path.write_text(
        BARE_POLICY.format(port=front.backends.issuer.port, role=NOBODYS_ROLE.replace("111122223333", "9" * 12))
    )
    return changed({"TOKEN_EXCHANGE_POLICY": f"file:{path}"})


def test_an_unverified_caller_learns_nothing_of_the_policy(front: Front, other_policy: Front) -> None:
    for name, mint in UNVERIFIED.items():
        token = mint(front)
        for query in ("", "registry=apps", "registry=nope&grant=own-images"):
            ours = front.send(token, query, request_id="r")
            theirs = other_policy.send(token, query, request_id="r")
            # All of it: headers, body, status.
            assert ours == theirs, name
            assert ours.status in (401, 403), name
            assert not {"identity", "considered", "considered_not_shown"} & ours.fields.keys(), name


def _considered(fields: dict[str, Json]) -> list[Json]:
    considered = fields["considered"]
    assert isinstance(considered, list)
    return considered


def test_a_caller_learns_that_their_name_fits_no_repository(front: Front) -> None:
    answer = front.send(front.token(repository="acme/*"), "registry=apps")
    assert answer.fields["error_description"] == (
        "no grant allows this: 'own-images' wants repository to be in the form of an ECR repository name, "
        "the token has acme/*"
    )


def test_a_caller_learns_their_identity_and_failed_grants(front: Front) -> None:
    answer = front.send(front.token("push-feature"), "registry=apps")
    fields = answer.fields
    assert list(fields) == [
        "error",
        "error_description",
        "reason",
        "hint",
        "documentation",
        "request_id",
        "identity",
        "considered",
        "considered_not_shown",
    ]
    identity = fields["identity"]
    assert isinstance(identity, dict)
    assert identity.items() >= {("issuer", "github"), ("organization", "acme"), ("repository", "acme/shop")}
    assert _considered(fields) == [
        {"grant": "own-images", "failed": [{"claim": "branch", "expected": ["main"], "found": "feature/cart"}]},
        # The claim is absent, and so is what was found.
        {"grant": "release", "failed": [{"claim": "environment", "expected": ["release"]}]},
    ]
    assert fields["considered_not_shown"] == 1
    assert (
        fields["error_description"]
        == "no grant allows this: 'own-images' wants branch main, the token has feature/cart"
    )
    assert str(fields["hint"]).endswith("; contact: #platform")
    for secret in SECRETS_OF_THE_POLICY[:-1]:
        assert secret not in answer.body.replace('"7001"', "")


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("pull-request-target", "untrusted-trigger"),
        ("pull-request", "untrusted-trigger"),
        ("leaked-runner", "denied"),
    ],
)
@pytest.mark.parametrize("query", ["", "registry=apps", "grant=release"])
def test_untrusted_and_denied_runs_learn_of_no_grant(front: Front, scenario: str, reason: str, query: str) -> None:
    answer = front.send(front.token(scenario), query)
    assert answer.reason == reason
    assert "identity" in answer.fields
    assert not {"considered", "considered_not_shown"} & answer.fields.keys()
    assert "contact" not in str(answer.fields["hint"])
    for text in (*SECRETS_OF_THE_POLICY[:-1], "own-images"):
        assert text not in answer.body


def test_only_the_number_of_other_grants_is_disclosed(front: Front) -> None:
    answer = front.send(front.token("push-feature", environment="hidden"), "grant=other-teams-secret")
    assert answer.reason == "no-matching-grant"
    assert "considered" not in answer.fields
    assert answer.fields["considered_not_shown"] == 1
    assert "99999999" not in answer.body
    assert "hidden" not in str(answer.fields["error_description"])


def test_a_grant_in_report_mode_is_named_in_the_refusal(front: Front) -> None:
    for token, query in (
        (front.token(environment="trial"), "registry=trial"),
        (front.token(audience="https://report.acme.example"), ""),
    ):
        answer = front.send(token, query)
        assert (answer.status, answer.reason) == (403, "no-matching-grant")
        assert "report mode" in str(answer.fields["hint"])
        assert front.calls() == []


def test_the_role_is_named_only_where_the_grant_matched(front: Front) -> None:
    matched = front.send(front.token(environment="broken"), "registry=broken")
    assert NOBODYS_ROLE in str(matched.fields["error_description"])
    assert "identity" in matched.fields
    other = front.send(front.token("push-feature"), "registry=broken")
    assert other.reason == "no-matching-grant"
    assert "arn:aws" not in other.body


def test_the_contact_is_that_of_the_grant_whose_login_failed(front: Front) -> None:
    token = front.token(environment="broken")
    # `own-images` has a contact; `broken-role`, which fails, has none.
    answer = front.send(token, "registry=apps&registry=broken&format=docker-config")
    assert (answer.reason, "contact" in str(answer.fields["hint"])) == ("role-refused", False)
    front.backends.aws.faults.plan("sts:AssumeRole", AwsFault(kind="access-denied"))
    assert str(front.send(token, "registry=apps").fields["hint"]).endswith("; contact: #platform")


def test_the_contact_is_the_grants_if_no_login_was_tried(front: Front) -> None:
    scope = " ".join(f"repository:base/{number:02}{'x' * 60}:pull" for number in range(20))
    answer = front.send(front.token(), {"registry": "apps", "scope": scope})
    assert answer.reason == "malformed-scope"
    assert str(answer.fields["hint"]).endswith("; contact: #platform")


def test_a_scope_too_wide_is_answered_with_the_grants_reach(front: Front) -> None:
    answer = front.send(front.token(), "registry=apps&scope=repository:releases/shop:push")
    assert answer.reason == "scope-exceeds-grant"
    assert "repository:ci/acme/shop:pull,push" in str(answer.fields["error_description"])
    assert front.calls() == []

import json

import pytest

from tests.attempts import attempt_of
from tests.doubles import FakeRegistries, FakeRoles, FakeStoredLogins, OneByOne, grant, policy_text
from tests.fake_clock import NOW, FakeClock
from tests.fake_issuer import AUDIENCE, ISSUER
from token_exchange.core.attempt import FailedLogin
from token_exchange.core.decision import AccessRequest, Denied, Granted, decide
from token_exchange.core.evaluate import caller_of
from token_exchange.core.mint import Login, Minter
from token_exchange.core.ports import Json, RawToken
from token_exchange.core.reach import RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.load import load_policy
from token_exchange.reporting.audit import login_fields

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub-AbCdEf"
RAW_TOKEN = "the.raw.token"
REGISTRIES: dict[str, Json] = {
    "apps": {"type": "ecr", "account": "111122223333", "region": "eu-west-1"},
    "public": {"type": "ecr-public", "account": "111122223333"},
    "hub": {"type": "secret", "host": "docker.io", "secret_arn": SECRET},
}
HUB = grant("hub", registry="hub", role=None, access=None, repositories=None)
PUBLIC_PULL = grant("public", registry="public", access="pull", repositories=None)
PUBLIC_PUSH = grant("public", registry="public", repositories=["ci/{repository}"])


class Story:
    def __init__(self, one: dict[str, object]) -> None:
        document = json.loads(policy_text([one]))
        document["registries"] = REGISTRIES
        self.policy = load_policy(json.dumps(document).encode(), name="p", read_file=None)
        claims: dict[str, Json] = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "s", "organization": "acme", "repository": "shop",
        }  # fmt: skip
        self.caller = caller_of(self.policy.issuers["ci"], claims, now=NOW)
        self.clock = FakeClock()
        self.roles = FakeRoles()
        self.registries = FakeRegistries(expires_at=NOW + 12 * 3600)
        self.stored = FakeStoredLogins()
        self.attempt = attempt_of(self.clock)

    def mint(self) -> Login:
        granted = decide(self.policy, self.caller, AccessRequest())
        assert isinstance(granted, Granted)
        minter = Minter(
            roles=self.roles, registries=self.registries, stored=self.stored, threads=OneByOne(), clock=self.clock
        )
        (made,) = minter.mint(granted.awards[:1], self.caller, self.attempt, raw_token=RawToken(RAW_TOKEN))
        if isinstance(made, FailedLogin):
            raise made.refused
        return made


# ------------------------------------------------------------------------------------------------------ stored logins


def test_a_stored_login_is_returned_without_assuming_a_role() -> None:
    story = Story(HUB)
    login = story.mint()
    assert (login.username, login.password, login.bounds) == ("hub-user", f"password-in-{SECRET}", None)
    assert story.roles.requests == []
    assert story.stored.read_arns == [SECRET]
    assert "secret" in story.attempt.milliseconds()


def test_the_record_names_the_secret_and_nothing_in_it() -> None:
    story = Story(HUB)
    story.mint()
    assert [login_fields(login) for login in story.attempt.logins] == [
        {"grant": "hub", "registry": "hub", "secret_arn": SECRET, "secret_request_id": "secret-1"}
    ]
    assert "password-in" not in repr(story.mint())


def test_no_scope_fits_a_stored_login() -> None:
    story = Story(HUB)
    denied = decide(
        story.policy,
        story.caller,
        AccessRequest(scope=(RepositoryScope(name=parse_repository_name("library/debian"), push=False),)),
    )
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.SCOPE_EXCEEDS_GRANT


def test_a_secret_that_cannot_be_read_is_the_requests_failure() -> None:
    story = Story(HUB)
    story.stored.refusal = Refused(Reason.SECRET_REFUSED, "secret x: AWS says AccessDeniedException: no")
    with pytest.raises(Refused) as refused:
        story.mint()
    assert refused.value is story.stored.refusal
    (failed,) = story.attempt.logins
    assert isinstance(failed, FailedLogin)
    assert failed.refused is story.stored.refusal


# ------------------------------------------------------------------------------------------------------ ECR Public


def statements(story: Story) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(story.roles.requests[0].session_policy)["Statement"]
    return found


def test_a_login_that_pulls_from_ecr_public_may_do_nothing_else() -> None:
    story = Story(PUBLIC_PULL)
    login = story.mint()
    assert login.bounds is not None
    assert login.bounds.reach.repositories == ()
    assert story.registries.calls == [("ASIA1", "public")]
    assert statements(story) == [
        {
            "Effect": "Allow",
            "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
            "Resource": "*",
        }
    ]


def test_a_push_to_ecr_public_is_cut_to_repositories_and_time() -> None:
    story = Story(PUBLIC_PUSH)
    story.mint()
    assert statements(story)[1] == {
        "Effect": "Allow",
        "Action": [
            "ecr-public:BatchCheckLayerAvailability",
            "ecr-public:InitiateLayerUpload",
            "ecr-public:UploadLayerPart",
            "ecr-public:CompleteLayerUpload",
            "ecr-public:PutImage",
        ],
        "Resource": "arn:aws:ecr-public::111122223333:repository/ci/shop",
        "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-20T10:01:00Z"}},
    }


def test_no_scope_narrows_ecr_public() -> None:
    story = Story(PUBLIC_PUSH)
    denied = decide(
        story.policy,
        story.caller,
        AccessRequest(scope=(RepositoryScope(name=parse_repository_name("ci/shop"), push=True),)),
    )
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.SCOPE_EXCEEDS_GRANT


# ------------------------------------------------------------------------------------------------------ web identity


def test_with_web_identity_the_callers_own_token_goes_to_sts() -> None:
    story = Story(grant(assume="web-identity"))
    story.mint()
    assert story.roles.raw_tokens == [RAW_TOKEN]
    (request,) = story.roles.requests
    assert (request.tags, request.source_identity, request.external_id) == ({}, None, None)
    # The bound is the same: what the session may do, and until when.
    assert "repository/ci/shop" in request.session_policy
    assert "DateLessThan" in request.session_policy
    assert RAW_TOKEN not in repr(story.attempt)


def test_as_the_broker_the_callers_token_is_not_sent() -> None:
    story = Story(grant())
    story.mint()
    assert story.roles.raw_tokens == []

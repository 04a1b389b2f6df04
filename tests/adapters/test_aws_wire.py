"""Answers that no AWS would give, over a real wire: each is a fault of AWS's, and costs nothing but itself."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.utils import parse_timestamp

from sandbox.loopback import Answer, Request, Server
from token_exchange import __version__
from token_exchange.adapters.aws import AwsClients, signing_with
from token_exchange.adapters.logins import EcrAuthorizer, SecretLogins, StsRoleAssumer
from token_exchange.core.ports import RawToken, RoleRequest, RoleSession, SessionPolicy
from token_exchange.core.refusals import Reason, Refused

LOGIN = base64.b64encode(b"AWS:password").decode()
REQUEST = RoleRequest(
    role_arn="arn:aws:iam::111122223333:role/ci",
    session_name="7-1-0a1b2c3d4e5f",
    session_policy=SessionPolicy("{}"),
    duration_seconds=900,
    external_id=None,
    source_identity=None,
    tags={},
)
CREDENTIALS = (
    "<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
    "<SessionToken>session</SessionToken><Expiration>2026-11-21T04:00:00Z</Expiration></Credentials>"
)


def session(number: int = 1) -> RoleSession:
    return RoleSession(
        access_key_id=f"ASIA{number}",
        secret_access_key="secret",
        session_token="session",
        assumed_role_id="AROA:n",
        assumed_role_arn="arn",
        packed_policy_percent=None,
        request_id=None,
    )


class Wire:
    """An AWS that says what it is told to say."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.seen: list[Request] = []
        self.server = Server(self._handle)

    def _handle(self, request: Request) -> Answer:
        self.seen.append(request)
        return self.answer


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    wire = Wire()
    with wire.server:
        yield wire


@pytest.fixture(scope="module")
def clients(running: Wire) -> AwsClients:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{running.server.port}",
            "AWS_ACCESS_KEY_ID": "ASIASERVICE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(name, value)
        made = AwsClients(region="eu-west-1")
        made.sts()
        made.ecr("eu-west-1")
        made.ecr_public()
        made.secrets("eu-west-1")
        return made


@pytest.fixture
def wire(running: Wire) -> Wire:
    running.seen.clear()
    return running


def _login(**changes: object) -> bytes:
    return json.dumps({"authorizationData": [{"authorizationToken": LOGIN, "expiresAt": 1.8e9, **changes}]}).encode()


def _base64(text: bytes) -> str:
    return base64.b64encode(text).decode()


BAD_LOGINS = [
    b"",
    b"[]",
    b"null",
    b"3",
    b"\xff",
    b"{",
    b"[" * 20000,
    b"{}",
    b'{"authorizationData": 3}',
    b'{"authorizationData": [3]}',
    b'{"authorizationData": []}',
    b'{"authorizationData": [{}]}',
    _login(authorizationToken=3),
    _login(authorizationToken="é"),
    _login(authorizationToken="not base64"),
    _login(authorizationToken=_base64(b"no colon")),
    _login(authorizationToken=_base64(b":no user")),
    _login(authorizationToken=_base64(b"no password:")),
    _login(authorizationToken=_base64("AWS:pässwörd".encode())),
    _login(expiresAt=None),
    _login(expiresAt="soon"),
    _login(expiresAt={}),
    _login(expiresAt=1e300),
    _login(expiresAt=-1e12),
    _login(expiresAt=float("nan")),
]


def test_calls_name_this_service_to_cloudtrail(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(body=_login())
    EcrAuthorizer(clients=clients).authorize(session(), region="eu-west-1")
    (request,) = wire.seen
    assert str(request.header("user-agent")).startswith(f"ecr-token-exchange/{__version__} ")


def test_sts_is_sent_what_a_plain_client_sends(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(body=_assumed(CREDENTIALS))
    request = replace(REQUEST, tags={"ref": "a&b=c+d é 100%/#", "empty": ""}, session_policy=SessionPolicy('{"a": 1}'))
    StsRoleAssumer(clients=clients).assume(request)
    plain = boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{wire.server.port}",
        aws_access_key_id="ASIASERVICE",
        aws_secret_access_key="secret",
    )
    plain.assume_role(
        RoleArn=request.role_arn,
        RoleSessionName=request.session_name,
        Policy=request.session_policy,
        DurationSeconds=request.duration_seconds,
        Tags=[{"Key": key, "Value": value} for key, value in request.tags.items()],
    )
    ours, plains = wire.seen
    assert ours.body == plains.body
    assert ours.header("content-type") == plains.header("content-type")


@pytest.mark.parametrize("time", ["2026-11-21T04:00:00Z", "2026-11-21T04:00:00.5Z", "Sat, 21 Nov 2026 04:00:00 GMT"])
def test_a_time_is_read_as_a_plain_client_reads_it(wire: Wire, clients: AwsClients, time: str) -> None:
    wire.answer = Answer(body=_login(expiresAt=time))
    login = EcrAuthorizer(clients=clients).authorize(session(), region="eu-west-1")
    assert login.expires_at == parse_timestamp(time).timestamp()


@pytest.mark.parametrize("body", BAD_LOGINS)
def test_an_unusable_login_is_refused(wire: Wire, clients: AwsClients, body: bytes) -> None:
    wire.answer = Answer(headers=(("content-type", "application/x-amz-json-1.1"),), body=body)
    with pytest.raises(Refused) as refused:
        EcrAuthorizer(clients=clients).authorize(session(), region="eu-west-1")
    assert refused.value.reason is Reason.AWS_UNAVAILABLE
    assert "eu-west-1" in refused.value.description


def test_a_login_has_the_values_of_ecrs_answer(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(
        headers=(("x-amzn-requestid", "ecr-1"),), body=_login(authorizationToken=_base64(b"AWS:a:b=="))
    )
    login = EcrAuthorizer(clients=clients).authorize(session(), region="eu-west-1")
    assert (login.username, login.password, login.expires_at, login.request_id) == ("AWS", "a:b==", 1.8e9, "ecr-1")


def test_a_login_without_a_request_id_is_accepted(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(body=_login())
    authorizer = EcrAuthorizer(clients=clients)
    assert authorizer.authorize(session(), region="eu-west-1").request_id is None


def _assumed(body: str) -> bytes:
    return f"<AssumeRoleResponse><AssumeRoleResult>{body}</AssumeRoleResult></AssumeRoleResponse>".encode()


BAD_SESSIONS = [
    b"",
    b"x",
    b"<a/>",
    b"\xff",
    b"<AssumeRoleResponse/>",
    _assumed(""),
    _assumed("x"),
    _assumed("<Credentials/>"),
    _assumed("<Credentials><AccessKeyId>a</AccessKeyId></Credentials>"),
    _assumed(CREDENTIALS.replace("secret", "")),
    _assumed(CREDENTIALS.replace("2026-11-21T04:00:00Z", "soon")),
    _assumed(f"{CREDENTIALS}<PackedPolicySize>full</PackedPolicySize>"),
    _assumed(CREDENTIALS)[:-40],
]


@pytest.mark.parametrize("body", BAD_SESSIONS)
def test_an_unusable_session_is_refused(wire: Wire, clients: AwsClients, body: bytes) -> None:
    wire.answer = Answer(headers=(("content-type", "text/xml"),), body=body)
    with pytest.raises(Refused) as refused:
        StsRoleAssumer(clients=clients).assume(REQUEST)
    assert refused.value.reason is Reason.AWS_UNAVAILABLE
    # Not even the cause, which is logged, quotes the answer.
    assert refused.value.__cause__ is None or "secret" not in str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("figures", "percent"),
    [
        ("", None),
        ("<PackedPolicySize>7</PackedPolicySize>", 7),
        ("<SessionTokenUtilization>9</SessionTokenUtilization>", 9),
        # No share of anything, and too long for a record.
        (f"<SessionTokenUtilization>{'9' * 4000}</SessionTokenUtilization>", None),
        ("<SessionTokenUtilization>-1</SessionTokenUtilization><PackedPolicySize>7</PackedPolicySize>", 7),
        ("<PackedPolicySize>7</PackedPolicySize><SessionTokenUtilization>9</SessionTokenUtilization>", 9),
    ],
)
def test_packed_size_is_read_from_either_figure(
    wire: Wire, clients: AwsClients, figures: str, percent: int | None
) -> None:
    wire.answer = Answer(body=_assumed(CREDENTIALS + figures))
    found = StsRoleAssumer(clients=clients).assume(REQUEST)
    assert found.packed_policy_percent == percent
    assert (found.access_key_id, found.secret_access_key, found.session_token) == ("ASIA1", "secret", "session")
    assert "secret" not in repr(found)
    assert "'session'" not in repr(found)


def test_nothing_is_signed_without_a_session(wire: Wire, clients: AwsClients) -> None:
    with pytest.raises(LookupError):
        clients.ecr("eu-west-1").get_authorization_token()
    assert wire.seen == []


def test_credentials_are_used_only_inside_the_block(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(body=_login())
    client = clients.ecr("eu-west-1")
    with signing_with(session(1)):
        with signing_with(session(2)):
            client.get_authorization_token()
        client.get_authorization_token()
    keys = [(seen.header("authorization") or "").partition("Credential=")[2].partition("/")[0] for seen in wire.seen]
    assert keys == ["ASIA2", "ASIA1"]
    with pytest.raises(LookupError):
        client.get_authorization_token()


def test_an_error_inside_the_block_ends_the_session_too(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(status=400, body=b"{}")
    client = clients.ecr("eu-west-1")
    with pytest.raises(ClientError), signing_with(session()):
        client.get_authorization_token()
    with pytest.raises(LookupError):
        client.get_authorization_token()


def test_only_the_opening_call_of_a_connection_is_unsigned(wire: Wire, clients: AwsClients) -> None:
    wire.answer = Answer(status=400, body=b"{}")
    for opener in clients.secrets.openers(lambda client: client.list_secrets()):
        opener()
    with pytest.raises(ClientError):
        clients.secrets("eu-west-1").list_secrets()
    assert [seen.header("authorization") is None for seen in wire.seen] == [True, False]


def test_a_client_is_made_once(clients: AwsClients) -> None:
    assert clients.sts() is clients.sts()
    assert clients.ecr("eu-west-1") is clients.ecr("eu-west-1")


# ------------------------------------------------------------------------------------------------------ ECR Public


def test_ecr_public_answers_with_one_structure(wire: Wire, clients: AwsClients) -> None:
    body = {"authorizationData": {"authorizationToken": LOGIN, "expiresAt": 1.8e9}}
    wire.answer = Answer(body=json.dumps(body).encode())
    login = EcrAuthorizer(clients=clients).authorize_public(session())
    assert (login.username, login.password, login.expires_at) == ("AWS", "password", 1.8e9)
    (request,) = wire.seen
    # Signed for the one region that it has, with the role's session and not with the service's own key.
    assert "ASIA1/" in str(request.header("authorization"))
    assert "/us-east-1/ecr-public/" in str(request.header("authorization"))


@pytest.mark.parametrize("body", BAD_LOGINS)
def test_a_bad_answer_of_ecr_public_is_refused(wire: Wire, clients: AwsClients, body: bytes) -> None:
    wire.answer = Answer(body=body)
    with pytest.raises(Refused) as refused:
        EcrAuthorizer(clients=clients).authorize_public(session())
    assert refused.value.reason is Reason.AWS_UNAVAILABLE


# ------------------------------------------------------------------------------------------------------ web identity


def test_web_identity_sends_the_token_and_no_signature(wire: Wire, clients: AwsClients) -> None:
    body = f"<AssumeRoleWithWebIdentityResult>{CREDENTIALS}</AssumeRoleWithWebIdentityResult>"
    wire.answer = Answer(body=f"<AssumeRoleWithWebIdentityResponse>{body}</AssumeRoleWithWebIdentityResponse>".encode())
    assumer = StsRoleAssumer(clients=clients)
    found = assumer.assume_with_web_identity(REQUEST, raw_token=RawToken("raw.token.value"))
    assert found.access_key_id == "ASIA1"
    (request,) = wire.seen
    assert request.header("authorization") is None
    assert b"WebIdentityToken=raw.token.value" in request.body
    assert b"Tags" not in request.body
    assert b"DurationSeconds=900" in request.body


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidIdentityToken", Reason.ROLE_REFUSED),
        ("IDPRejectedClaim", Reason.ROLE_REFUSED),
        ("ExpiredTokenException", Reason.ROLE_REFUSED),
        ("AccessDenied", Reason.ROLE_REFUSED),
        ("PackedPolicyTooLarge", Reason.MISCONFIGURED),
        ("IDPCommunicationError", Reason.AWS_UNAVAILABLE),
        ("Throttling", Reason.AWS_THROTTLED),
    ],
)
def test_a_refusal_of_sts_is_never_the_callers_bad_token(
    wire: Wire,
    clients: AwsClients,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    reason: Reason,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    wire.answer = Answer(
        status=400,
        body=f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode(),
    )
    assumer = StsRoleAssumer(clients=clients)
    with pytest.raises(Refused) as refused:
        assumer.assume_with_web_identity(REQUEST, raw_token=RawToken("raw.token.value"))
    assert refused.value.reason is reason
    assert code in refused.value.description
    assert "raw.token" not in str(refused.value)


# ------------------------------------------------------------------------------------------------------ secrets

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub-AbCdEf"
GOOD = json.dumps({"username": "hub-user", "password": "pä:ss w'ord", "other": 1})


def secret(value: object) -> Answer:
    return Answer(body=json.dumps({"ARN": SECRET, "SecretString": value}).encode())


def test_a_login_is_read_from_its_secret(wire: Wire, clients: AwsClients) -> None:
    wire.answer = secret(GOOD)
    login = SecretLogins(clients=clients).read(SECRET)
    assert (login.username, login.password) == ("hub-user", "pä:ss w'ord")
    assert "pä:ss" not in repr(login)
    (request,) = wire.seen
    assert json.loads(request.body) == {"SecretId": SECRET}
    # As the service itself: no session is in use.
    assert "ASIASERVICE/" in str(request.header("authorization"))


@pytest.mark.parametrize(
    "value",
    [
        # no JSON, or none of an object
        "hunter2", "", "[]", "null", '"hunter2"', "{",
        # names and types
        "{}", '{"username": "hunter2"}', '{"password": "hunter2"}', '{"username": "", "password": "hunter2"}',
        '{"username": "u", "password": ""}', '{"username": 7, "password": "hunter2"}',
        '{"username": "u", "password": ["hunter2"]}',
        # what basic authentication cannot carry
        '{"username": "a:b", "password": "hunter2"}', '{"username": "u", "password": "hunter2\\n"}',
        '{"username": "u\\u0000", "password": "hunter2"}',
        # binary
        None,
    ],
)  # fmt: skip
def test_a_secret_without_a_login_is_refused_and_not_quoted(wire: Wire, clients: AwsClients, value: str | None) -> None:
    wire.answer = Answer(body=json.dumps({"ARN": SECRET, "SecretBinary": "aHVudGVyMg=="}).encode())
    if value is not None:
        wire.answer = secret(value)
    with pytest.raises(Refused) as refused:
        SecretLogins(clients=clients).read(SECRET)
    assert refused.value.reason is Reason.SECRET_REFUSED
    assert SECRET in refused.value.description
    assert "hunter2" not in f"{refused.value}{refused.value.__cause__}"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("ResourceNotFoundException", 400, Reason.SECRET_REFUSED),
        ("AccessDeniedException", 400, Reason.SECRET_REFUSED),
        ("InvalidRequestException", 400, Reason.SECRET_REFUSED),
        ("DecryptionFailure", 400, Reason.SECRET_REFUSED),
        ("InvalidParameterException", 400, Reason.MISCONFIGURED),
        ("ThrottlingException", 400, Reason.AWS_THROTTLED),
        ("InternalServiceError", 500, Reason.AWS_UNAVAILABLE),
    ],
)
def test_refusals_of_secrets_manager(
    wire: Wire,
    clients: AwsClients,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
    reason: Reason,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    wire.answer = Answer(status=status, body=json.dumps({"__type": code, "message": "no"}).encode())
    with pytest.raises(Refused) as refused:
        SecretLogins(clients=clients).read(SECRET)
    assert refused.value.reason is reason
    assert code in refused.value.description

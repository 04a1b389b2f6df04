import time
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSPreparedRequest

from sandbox import account
from sandbox.aws.server import Aws
from tests.sandbox.clients import Clients, assume, authorization, refusal
from tests.sandbox.wire import send


class Clock:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def test_an_unknown_key_is_refused(aws: Aws, clients: Clients) -> None:
    code, message, status = refusal(lambda: assume(clients.sts(key="ASIAUNKNOWN000000000")))
    assert (code, status) == ("InvalidClientTokenId", 403)
    assert message == "The security token included in the request is invalid."
    assert aws.requests()[0].error == "InvalidClientTokenId"


def test_a_wrong_secret_does_not_verify(clients: Clients) -> None:
    code, message, status = refusal(lambda: assume(clients.sts(secret="not the secret")))
    assert (code, status) == ("SignatureDoesNotMatch", 403)
    assert "we calculated does not match" in message


def test_a_key_with_another_sessions_token_is_refused(aws: Aws, clients: Clients) -> None:
    assume(clients.sts())
    other = aws.principals.sessions()[-1]
    assert refusal(lambda: assume(clients.sts(token=other.session_token)))[0] == "InvalidClientTokenId"


def test_credentials_are_limited_to_their_session(aws: Aws, clients: Clients) -> None:
    assume(clients.sts())
    push = aws.principals.sessions()[-1]
    stolen = clients.sts(key=push.access_key_id, secret=push.secret_access_key, token=push.session_token)
    code, message, _ = refusal(lambda: assume(stolen))
    assert code == "AccessDenied"
    assert push.arn in message


def _change_body(request: AWSPreparedRequest) -> None:
    body = request.body
    assert isinstance(body, str)
    assert "DurationSeconds=1800" in body
    request.body = body.replace("DurationSeconds=1800", "DurationSeconds=3600")


def _change_path(request: AWSPreparedRequest) -> None:
    request.url += "other"


def _change_date(request: AWSPreparedRequest) -> None:
    signed = request.headers["X-Amz-Date"]
    text = signed.decode() if isinstance(signed, bytes) else str(signed)
    request.headers["X-Amz-Date"] = text[:-2] + ("1" if text[-2] != "1" else "2") + "Z"


def _change_method(request: AWSPreparedRequest) -> None:
    request.method = "PUT"


@pytest.mark.parametrize("tamper", [_change_body, _change_path, _change_date, _change_method])
def test_a_request_changed_on_the_way_does_not_verify(
    clients: Clients, tamper: Callable[[AWSPreparedRequest], None]
) -> None:
    client = clients.sts()

    def before_send(request: AWSPreparedRequest, **_: object) -> None:
        tamper(request)

    client.meta.events.register("before-send.sts.AssumeRole", before_send)
    assert refusal(lambda: assume(client))[0] == "SignatureDoesNotMatch"


def test_a_signature_for_another_service_is_refused(clients: Clients) -> None:
    client = clients.sts()

    def change_scope(request: AWSPreparedRequest, **_: object) -> None:
        value = request.headers["Authorization"]
        text = value.decode() if isinstance(value, bytes) else str(value)
        request.headers["Authorization"] = text.replace("/sts/", "/ecr/")

    client.meta.events.register("before-send.sts.AssumeRole", change_scope)
    code, message, _ = refusal(lambda: assume(client))
    assert code == "SignatureDoesNotMatch"
    assert "correct service: 'sts'" in message


def test_expired_credentials_are_refused_by_both_services() -> None:
    roles = account.roles()
    # The clients sign with the true time; a clock within the skew of a signature may still pass the session's end.
    clock = Clock(time.time() - 890)
    with Aws(roles=roles, callers=[account.service_session(roles[0])], now=clock) as aws, Clients(aws.url) as made:
        assume(made.sts(), DurationSeconds=900)
        session = aws.principals.sessions()[-1]
        ecr = made.ecr(session)
        authorization(ecr)
        clock.seconds += 901
        assert refusal(lambda: authorization(ecr))[0] == "ExpiredTokenException"
        old = made.sts(key=session.access_key_id, secret=session.secret_access_key, token=session.session_token)
        assert refusal(lambda: assume(old))[0] == "ExpiredToken"


def test_a_request_signed_too_long_ago_is_refused() -> None:
    roles = account.roles()
    with (
        Aws(roles=roles, callers=[account.service_session(roles[0])], now=Clock(time.time() + 16 * 60)) as aws,
        Clients(aws.url) as made,
    ):
        code, message, _ = refusal(lambda: assume(made.sts()))
        assert code == "SignatureDoesNotMatch"
        assert message.startswith("Signature expired")


@pytest.mark.parametrize(
    ("authorization_header", "code"),
    [
        (None, b"<Code>MissingAuthenticationToken</Code>"),
        ("Bearer abc", b"<Code>IncompleteSignature</Code>"),
        ("AWS4-HMAC-SHA256 Credential=x", b"<Code>IncompleteSignature</Code>"),
    ],
)
def test_an_unsigned_request_learns_nothing(aws: Aws, authorization_header: str | None, code: bytes) -> None:
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    if authorization_header is not None:
        headers.append(("Authorization", authorization_header))
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn={account.PUSH_ROLE}&RoleSessionName=ab".encode()
    answer = send(aws.url, method="POST", body=body, headers=headers)
    assert answer.status == 403
    assert code in answer.body
    assert len(aws.principals.sessions()) == 1

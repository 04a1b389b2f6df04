import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSPreparedRequest

from sandbox import account
from sandbox.aws.server import Aws
from tests.sandbox.clients import Clients, assume, refusal


class Clock:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def test_a_key_that_nobody_has_is_refused(aws: Aws, clients: Clients) -> None:
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


def test_another_sessions_credentials_do_only_what_that_session_may(aws: Aws, clients: Clients) -> None:
    assume(clients.sts())
    push = aws.principals.sessions()[-1]
    stolen = clients.sts(key=push.access_key_id, secret=push.secret_access_key, token=push.session_token)
    code, message, _ = refusal(lambda: assume(stolen))
    assert code == "AccessDenied"
    assert push.arn in message


def _change_body(request: AWSPreparedRequest) -> None:
    assert isinstance(request.body, bytes)
    request.body = request.body.replace(b"DurationSeconds=1800", b"DurationSeconds=3600")


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


def test_expired_credentials_are_refused_by_both_services(clients: Clients) -> None:
    import time

    roles = account.roles()
    clock = Clock(time.time())
    with Aws(roles=roles, callers=[account.service_session(roles[0])], now=clock) as aws, Clients(aws.url) as made:
        assume(made.sts(), DurationSeconds=900)
        session = aws.principals.sessions()[-1]
        # Later than the session's end, but within the skew that a signature may have.
        aged = account.service_session(roles[0])
        clock.seconds += 901 - 15 * 60 + 15 * 60 - 2
        made.ecr(session)
        assert aged.expires_at is None
        clock.seconds += 1
        assert refusal(made.ecr(session).get_authorization_token)[0] in {"ExpiredTokenException"}


def test_a_request_signed_too_long_ago_is_refused() -> None:
    import time

    roles = account.roles()
    with (
        Aws(roles=roles, callers=[account.service_session(roles[0])], now=Clock(time.time() + 16 * 60)) as aws,
        Clients(aws.url) as made,
    ):
        code, message, _ = refusal(lambda: assume(made.sts()))
        assert code == "SignatureDoesNotMatch"
        assert message.startswith("Signature expired")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, b"<Code>MissingAuthenticationToken</Code>"),
        ("Bearer abc", b"<Code>IncompleteSignature</Code>"),
        ("AWS4-HMAC-SHA256 Credential=x", b"<Code>IncompleteSignature</Code>"),
    ],
)
def test_an_unsigned_request_learns_nothing(aws: Aws, authorization: str | None, code: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if authorization is not None:
        headers["Authorization"] = authorization
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn={account.PUSH_ROLE}&RoleSessionName=ab".encode()
    request = urllib.request.Request(aws.url, data=body, headers=headers)  # noqa: S310 - our own server
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310
    with caught.value as answer:
        assert answer.code == 403
        assert code in answer.read()
    assert len(aws.principals.sessions()) == 1

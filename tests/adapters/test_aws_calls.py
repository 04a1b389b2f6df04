from collections.abc import Callable
from typing import NoReturn

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from token_exchange.adapters.aws_calls import call_aws, create_client
from token_exchange.core.refusals import Reason, Refused, SessionTooLarge

SUBJECT = "role arn:aws:iam::111122223333:role/ci"


def _client_error(code: str, message: str = "", *, status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "HostId": "",
                "RequestId": "",
                "RetryAttempts": 0,
            },
        },
        "AssumeRole",
    )


def _raising(error: Exception) -> Callable[[], NoReturn]:
    def call() -> NoReturn:
        raise error

    return call


def _refusal(error: Exception, refusal: Reason = Reason.ROLE_REFUSED) -> Refused:
    with pytest.raises(Refused) as refused:
        call_aws(_raising(error), refusal=refusal, subject=SUBJECT)
    return refused.value


@pytest.mark.parametrize("code", ["PackedPolicyTooLarge", "PackedPolicyTooLargeException"])
def test_a_session_that_sts_cannot_pack_has_its_own_error(code: str) -> None:
    assert isinstance(_refusal(_client_error(code)), SessionTooLarge)
    assert not isinstance(_refusal(_client_error("MalformedPolicyDocument")), SessionTooLarge)


def test_an_answer_is_passed_on() -> None:
    assert call_aws(lambda: 7, refusal=Reason.ROLE_REFUSED, subject=SUBJECT) == 7


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        # The role's owner has to change a trust policy, a permission or an organization's policy.
        ("AccessDenied", 403, Reason.ROLE_REFUSED),
        ("AccessDeniedException", 400, Reason.ROLE_REFUSED),
        # Not the caller's token, even where STS says so.
        ("ExpiredTokenException", 400, Reason.ROLE_REFUSED),
        ("InvalidIdentityToken", 400, Reason.ROLE_REFUSED),
        ("IDPRejectedClaim", 403, Reason.ROLE_REFUSED),
        ("ExpiredToken", 403, Reason.ROLE_REFUSED),
        ("SomethingNew", 400, Reason.ROLE_REFUSED),
        # The owners of our policy have to change it.
        ("PackedPolicyTooLarge", 400, Reason.MISCONFIGURED),
        ("MalformedPolicyDocument", 400, Reason.MISCONFIGURED),
        ("ValidationError", 400, Reason.MISCONFIGURED),
        ("InvalidParameterValue", 400, Reason.MISCONFIGURED),
        ("RegionDisabledException", 403, Reason.MISCONFIGURED),
        # It passes.
        ("Throttling", 400, Reason.AWS_THROTTLED),
        ("ThrottlingException", 400, Reason.AWS_THROTTLED),
        ("TooManyRequestsException", 400, Reason.AWS_THROTTLED),
        ("Anything", 429, Reason.AWS_THROTTLED),
        ("InternalFailure", 500, Reason.AWS_UNAVAILABLE),
        ("ServiceUnavailable", 503, Reason.AWS_UNAVAILABLE),
        ("ServerException", 500, Reason.AWS_UNAVAILABLE),
        ("IDPCommunicationError", 400, Reason.AWS_UNAVAILABLE),
        ("AccessDenied", 500, Reason.AWS_UNAVAILABLE),
        ("502", 502, Reason.AWS_UNAVAILABLE),
    ],
)
def test_the_error_code_of_aws_decides_the_reason(code: str, status: int, reason: Reason) -> None:
    refused = _refusal(_client_error(code, "in AWS's words", status=status))
    assert refused.reason is reason
    assert SUBJECT in refused.description
    assert code in refused.description
    assert isinstance(refused.__cause__, ClientError)


def test_the_plain_no_is_the_callees_own() -> None:
    assert _refusal(_client_error("AccessDenied"), Reason.REGISTRY_REFUSED).reason is Reason.REGISTRY_REFUSED


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EndpointConnectionError(endpoint_url="https://sts"), Reason.AWS_UNAVAILABLE),
        (ConnectTimeoutError(endpoint_url="https://sts"), Reason.AWS_UNAVAILABLE),
        (ReadTimeoutError(endpoint_url="https://sts"), Reason.AWS_UNAVAILABLE),
        (HTTPClientError(error="reset"), Reason.AWS_UNAVAILABLE),
        (NoCredentialsError(), Reason.MISCONFIGURED),
        (CredentialRetrievalError(provider="x", error_msg="y"), Reason.MISCONFIGURED),
        (ParamValidationError(report="too short"), Reason.MISCONFIGURED),
        (BotoCoreError(), Reason.MISCONFIGURED),
        (ResponseParserError("invalid XML"), Reason.AWS_UNAVAILABLE),
        (KeyError("AssumeRoleResult"), Reason.AWS_UNAVAILABLE),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), Reason.AWS_UNAVAILABLE),
        (RecursionError(), Reason.AWS_UNAVAILABLE),
    ],
)
def test_a_failure_without_an_answer_is_not_a_refusal(error: Exception, reason: Reason) -> None:
    assert _refusal(error).reason is reason


def test_an_answer_that_cannot_be_read_is_not_quoted() -> None:
    # A parser's error holds the octets of the answer, and with them the role's keys.
    refused = _refusal(ResponseParserError("Unable to parse response, invalid XML received:\n<SecretAccessKey>abc"))
    assert "abc" not in refused.description
    assert refused.__cause__ is None


def test_a_fault_of_our_own_is_not_taken_for_awss() -> None:
    with pytest.raises(LookupError):
        call_aws(_raising(LookupError("nothing was lent")), refusal=Reason.ROLE_REFUSED, subject=SUBJECT)


@pytest.mark.parametrize(
    "secret", ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY", "eyJhbGciOi.eyJpc3M.c2ln", "IQoJ" * 100]
)
def test_the_quoted_text_of_aws_is_redacted_and_bounded(secret: str) -> None:
    words = f"The canonical string was\n\x1b[2Jx-amz-security-token={secret}\u202e and {'more ' * 200}"
    description = _refusal(_client_error("SignatureDoesNotMatch", words)).description
    assert secret not in description
    assert description.isprintable()
    assert len(description) < 500


def test_a_client_that_cannot_be_made_is_misconfigured() -> None:
    for error in (ValueError("Invalid endpoint: nonsense"), BotoCoreError()):
        with pytest.raises(Refused) as refused:
            create_client(_raising(error), service="STS")
        assert refused.value.reason is Reason.MISCONFIGURED
        assert "STS" in refused.value.description
    assert create_client(lambda: 7, service="STS") == 7

"""What AWS's refusals and failures mean to a caller; botocore's exceptions do not get past here."""

from collections.abc import Callable
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoAuthTokenError,
    NoCredentialsError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from botocore.parsers import ResponseParserError

from token_exchange.reasons import Reason
from token_exchange.redaction import redacted
from token_exchange.refusals import Refused

_THROTTLED: Final = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)

_UNAVAILABLE: Final = frozenset(
    {
        "IDPCommunicationError",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)

_MISCONFIGURED: Final = frozenset(
    {
        "InvalidParameterException",
        "InvalidParameterValue",
        "MalformedPolicyDocument",
        "MalformedPolicyDocumentException",
        "PackedPolicyTooLarge",
        "PackedPolicyTooLargeException",
        "RegionDisabledException",
        "ValidationError",
        "ValidationException",
    }
)

_UNREADABLE: Final = (ResponseParserError, AttributeError, KeyError, RuntimeError, TypeError, ValueError)
"""What botocore's parsers raise over an answer that is not in the form of its service model."""

_MAX_MESSAGE_CHARACTERS: Final = 400


def answered[T](call: Callable[[], T], *, refusal: Reason, subject: str) -> T:
    """Return what `call` of a botocore client returns.

    `refusal` is the reason for which AWS's plain no stands, `subject` whom it is about.

    Raises:
        Refused: `refusal`, `misconfigured`, `aws-throttled` or `aws-unavailable`.
    """
    try:
        return call()
    except ClientError as error:
        raise _refused(error, refusal, subject) from error
    except (HTTPClientError, BotoConnectionError) as error:
        raise Refused(Reason.AWS_UNAVAILABLE, f"{subject}: AWS did not answer ({type(error).__name__})") from error
    except (NoCredentialsError, NoAuthTokenError) as error:
        raise Refused(Reason.MISCONFIGURED, "the service has no AWS credentials of its own") from error
    except BotoCoreError as error:
        raise Refused(Reason.MISCONFIGURED, f"{subject}: {_message(str(error))}") from error
    except _UNREADABLE as error:
        # Without the cause: some of these quote the answer, and an answer of STS holds keys.
        raise Refused(
            Reason.AWS_UNAVAILABLE, f"{subject}: AWS's answer cannot be read ({type(error).__name__})"
        ) from None


def made[T](make: Callable[[], T], *, service: str) -> T:
    """Return the client that `make` makes.

    Raises:
        Refused: `misconfigured` where the environment's AWS settings do not let it.
    """
    try:
        return make()
    except (BotoCoreError, ValueError) as error:
        raise Refused(
            Reason.MISCONFIGURED, f"the client for {service} cannot be made: {_message(str(error))}"
        ) from error


def unusable(subject: str, what: str) -> Refused:
    """Return the refusal for an answer of AWS's in which `what` cannot be used."""
    return Refused(Reason.AWS_UNAVAILABLE, f"{subject}: AWS answered without a usable {what}")


def _refused(error: ClientError, refusal: Reason, subject: str) -> Refused:
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    message = _message(str(error.response.get("Error", {}).get("Message", "")))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED or status == 429:  # noqa: PLR2004 - HTTP's own name for it
        return Refused(Reason.AWS_THROTTLED, f"{subject}: {code}")
    if code in _UNAVAILABLE or status >= 500:  # noqa: PLR2004 - HTTP's own name for it
        return Refused(Reason.AWS_UNAVAILABLE, f"{subject}: {code}")
    reason = Reason.MISCONFIGURED if code in _MISCONFIGURED else refusal
    return Refused(reason, f"{subject}: AWS says {code}: {message}")


def _message(text: str) -> str:
    """Return AWS's words in one printable line of a bearable length, with nothing secret in it."""
    shown = "".join(char if char.isprintable() else " " for char in redacted(text))
    return shown if len(shown) <= _MAX_MESSAGE_CHARACTERS else f"{shown[:_MAX_MESSAGE_CHARACTERS]}…"

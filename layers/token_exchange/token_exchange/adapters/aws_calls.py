"""Calls to AWS within a deadline, and what AWS's refusals and failures mean to a caller."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    NoAuthTokenError,
    NoCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused, SessionTooLarge
from token_exchange.reporting.redaction import redacted

_MAX_CONCURRENT_CALLS: Final = 64


class DeadlineCalls:
    """Runs calls on threads of its own.

    A client's time-outs bound each wait for a byte, and so neither a name look-up nor an answer that drips. A call
    that is given up goes on until its client's own time-outs end it; its result is dropped.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=_MAX_CONCURRENT_CALLS, thread_name_prefix="aws")

    def call[T](self, function: Callable[[], T], *, deadline: Deadline) -> T:
        """Return what `function` returns, or raise what it raises.

        It runs with a copy of this thread's context variables.

        Raises:
            Refused: `deadline-exceeded`.
        """
        remaining = deadline.remaining_seconds()
        if remaining <= 0:
            raise _exceeded()
        future: Future[T] = self._threads.submit(copy_context().run, function)
        done, _ = wait([future], timeout=remaining)
        if not done:
            future.cancel()
            raise _exceeded()
        return future.result()


def _exceeded() -> Refused:
    return Refused(Reason.DEADLINE_EXCEEDED, "AWS did not answer in the time that this request had left")


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
        "RegionDisabledException",
        "ValidationError",
        "ValidationException",
    }
)

_TOO_LARGE: Final = frozenset({"PackedPolicyTooLarge", "PackedPolicyTooLargeException"})

_UNREADABLE: Final = (ResponseParserError, AttributeError, KeyError, RuntimeError, TypeError, ValueError)
"""What botocore's parsers raise over an answer that is not in the form of its service model."""

_MAX_MESSAGE_CHARACTERS: Final = 400


def call_aws[T](call: Callable[[], T], *, refusal: Reason, subject: str) -> T:
    """Return what `call` of a botocore client returns.

    `refusal` is the reason for which AWS's plain no stands, `subject` whom it is about.

    Raises:
        Refused: `refusal`, `misconfigured`, `aws-throttled` or `aws-unavailable`. A `misconfigured` of STS's packed
            size is a `SessionTooLarge`.
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


def create_client[T](make: Callable[[], T], *, service: str) -> T:
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


def unusable_answer(subject: str, what: str) -> Refused:
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
    if code in _TOO_LARGE:
        return SessionTooLarge(Reason.MISCONFIGURED, f"{subject}: AWS says {code}: {message}")
    reason = Reason.MISCONFIGURED if code in _MISCONFIGURED else refusal
    return Refused(reason, f"{subject}: AWS says {code}: {message}")


def _message(text: str) -> str:
    """Return AWS's words in one printable line of a bearable length, with nothing secret in it."""
    shown = "".join(char if char.isprintable() else " " for char in redacted(text))
    return shown if len(shown) <= _MAX_MESSAGE_CHARACTERS else f"{shown[:_MAX_MESSAGE_CHARACTERS]}…"


def reconnecting[T](call: Callable[[], T]) -> T:
    """Return what `call` of a botocore client returns, made a second time where its connection was closed.

    The clients for which this is meant make one attempt: botocore's own wait up to a second before the next.
    """
    try:
        return call()
    except ConnectionClosedError:
        return call()

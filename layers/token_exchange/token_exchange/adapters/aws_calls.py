"""Calls to AWS within a deadline, and the translation of AWS's errors into refusals.

botocore's exceptions do not leave this module's functions. Nothing that AWS answers is logged unredacted.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import repeat
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    NoAuthTokenError,
    NoCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from token_exchange.adapters.settings import BadSetting
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused, SessionTooLarge
from token_exchange.reporting.safe_text import redacted

_MAX_CONCURRENT_CALLS: Final = 64


class DeadlineCalls:
    """Runs calls on its own threads, so that a request ends by its deadline. Implements `Threads`.

    A client's timeouts limit each wait for a byte. They limit neither a DNS lookup nor an answer that arrives slowly. A
    call that exceeds its deadline continues until the client's own timeouts end it; its result is dropped.
    """

    def __init__(self) -> None:
        self.renew_threads()

    def renew_threads(self) -> None:
        """Use new threads from now on; those of a snapshot may wait for answers that will never arrive."""
        self._threads = ThreadPoolExecutor(max_workers=_MAX_CONCURRENT_CALLS, thread_name_prefix="aws")

    def call[T](self, function: Callable[[], T], *, deadline: Deadline) -> T:
        """Run `function` with a copy of this thread's context variables, and return or raise what it does.

        Raises:
            Refused: `deadline-exceeded`.
        """
        (found,) = self.run([function], deadline=deadline)
        if isinstance(found, Exception):
            raise found
        return found

    def run[T](self, functions: Sequence[Callable[[], T]], *, deadline: Deadline) -> list[T | Exception]:
        """Run the functions at the same time, each with a copy of this thread's context variables.

        Returns what each returned or raised; for one that has not ended by the deadline, `deadline-exceeded`.
        """
        if deadline.remaining_seconds() <= 0:
            return [_exceeded() for _ in functions]
        futures: list[Future[T]] = [self._threads.submit(copy_context().run, function) for function in functions]
        outcomes: list[T | Exception] = [*map(_outcome, futures, repeat(deadline))]
        return outcomes


def _outcome[T](future: Future[T], deadline: Deadline) -> T | Exception:
    try:
        error = future.exception(timeout=deadline.remaining_seconds())
    except TimeoutError:
        # If no thread has begun it, none will; one that has begun continues.
        future.cancel()
        return _exceeded()
    return error if isinstance(error, Exception) else future.result()


def _exceeded() -> Refused:
    return Refused(Reason.DEADLINE_EXCEEDED, "AWS did not answer before the request's deadline")


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
"""What botocore's parsers raise for an answer that does not match the service model."""

_MAX_MESSAGE_CHARACTERS: Final = 400


def call_aws[T](call: Callable[[], T], *, refusal: Reason, subject: str) -> T:
    """Run `call` of a botocore client and return its result.

    `refusal` is the reason if AWS denies access; `subject` names the role, table or secret in messages.

    Raises:
        Refused: `refusal`, `misconfigured`, `aws-throttled` or `aws-unavailable`. `SessionTooLarge` if the packed size
            exceeds STS's limit.
    """
    try:
        return call()
    except ClientError as error:
        raise _refused(error, refusal, subject) from error
    except (HTTPClientError, BotoConnectionError) as error:
        raise Refused(Reason.AWS_UNAVAILABLE, f"{subject}: AWS did not answer ({type(error).__name__})") from error
    except (NoCredentialsError, NoAuthTokenError) as error:
        raise Refused(Reason.MISCONFIGURED, "the service has no AWS credentials") from error
    except BotoCoreError as error:
        raise Refused(Reason.MISCONFIGURED, f"{subject}: {_one_line(str(error))}") from error
    except _UNREADABLE as error:
        # Without the cause: some of these exceptions quote the answer, and an answer of STS contains secret keys.
        raise Refused(
            Reason.AWS_UNAVAILABLE, f"{subject}: AWS's answer cannot be read ({type(error).__name__})"
        ) from None


def configured(session: Session, variable: str) -> str | None:
    """Return the value of a variable of botocore's configuration.

    Raises:
        BadSetting: AWS_PROFILE names a profile that is not there.
    """
    try:
        found: str | None = session.get_config_variable(variable)
    except ProfileNotFound as error:
        raise BadSetting("AWS_PROFILE", "a profile in AWS's configuration files", session.profile or "") from error
    return found


def create_client[T](make: Callable[[], T], *, service: str) -> T:
    """Return the client that `make` creates.

    Raises:
        Refused: `misconfigured` if the environment's AWS settings are invalid.
    """
    try:
        return make()
    except (BotoCoreError, ValueError) as error:
        raise Refused(
            Reason.MISCONFIGURED, f"the client for {service} cannot be created: {_one_line(str(error))}"
        ) from error


def unusable_answer(subject: str, what: str) -> Refused:
    """Return the refusal for an answer of AWS without a usable `what`."""
    return Refused(Reason.AWS_UNAVAILABLE, f"{subject}: AWS answered without a usable {what}")


def _refused(error: ClientError, refusal: Reason, subject: str) -> Refused:
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    message = _one_line(str(error.response.get("Error", {}).get("Message", "")))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED or status == 429:  # noqa: PLR2004 - an HTTP status
        return Refused(Reason.AWS_THROTTLED, f"{subject}: {code}")
    if code in _UNAVAILABLE or status >= 500:  # noqa: PLR2004 - an HTTP status
        return Refused(Reason.AWS_UNAVAILABLE, f"{subject}: {code}")
    if code in _TOO_LARGE:
        return SessionTooLarge(Reason.MISCONFIGURED, f"{subject}: AWS says {code}: {message}")
    reason = Reason.MISCONFIGURED if code in _MISCONFIGURED else refusal
    return Refused(reason, f"{subject}: AWS says {code}: {message}")


def _one_line(text: str) -> str:
    """Return AWS's message in one printable line of limited length, without secrets."""
    shown = "".join(char if char.isprintable() else " " for char in redacted(text))
    return shown if len(shown) <= _MAX_MESSAGE_CHARACTERS else f"{shown[:_MAX_MESSAGE_CHARACTERS]}…"


def reconnecting[T](call: Callable[[], T]) -> T:
    """Run `call` of a botocore client, and repeat it once if its connection was closed.

    An environment is frozen between two requests, and a kept connection may be closed by then. The clients that use
    this make one attempt; botocore's own retry would wait for up to a second.
    """
    try:
        return call()
    except ConnectionClosedError:
        return call()

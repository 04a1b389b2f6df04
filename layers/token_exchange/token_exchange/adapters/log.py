"""Log lines through Powertools Logger, and the audit line, which no log level can turn off."""

import json
import logging
import re
import sys
from contextlib import suppress
from functools import cache
from typing import Final

from aws_lambda_powertools.logging import Logger

from token_exchange.core.ports import Json
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.safe_text import redacted

SERVICE: Final = "token-exchange"


class _CurrentStdout:
    """Standard output at the time when a line is written, not when the module was imported."""

    def write(self, text: str) -> int:
        """Write `text`."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Flush what was written."""
        sys.stdout.flush()


class StrictStreamHandler(logging.StreamHandler[_CurrentStdout]):
    """Writes lines, and raises where the standard library would print a traceback and continue."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Raise the exception: there must be no login without its audit line."""
        error = sys.exc_info()[1]
        raise OSError(f"a log line could not be written: {record.msg}") from error


def _stand_in(value: object) -> str:
    return f"<{type(value).__name__}>"


_ENCODER: Final = json.JSONEncoder(default=_stand_in, separators=(",", ":"), skipkeys=True)


_FIELDS: Final = "fields"

TRACE_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
"""X-Ray Developer Guide, "Tracing header". A client can send a header of its own, with a root of any length in it."""


def as_extra(fields: dict[str, Json]) -> dict[str, object]:
    """Return `fields` as one field, because Powertools examines each field separately."""
    return {_FIELDS: fields}


def serialized(line: dict[str, object]) -> str:
    """Return one line of ASCII; a value that cannot be serialized is replaced by the name of its type."""
    fields: dict[str, object] = {}
    for name, value in line.items():
        if name == _FIELDS and isinstance(value, dict):
            fields |= value
        elif name != "xray_trace_id" or (isinstance(value, str) and TRACE_ROOT.fullmatch(value)):
            fields[name] = value
    return _ENCODER.encode(fields).replace("\x7f", "\\u007f")


def _text(message: object) -> str:
    """Return a line's message as it is: Powertools would try to parse it as JSON."""
    return str(message)


@cache
def logger_for(name: str, *, level: str | None) -> Logger:
    """Return the logger with this name; without `level`, the environment sets it, as for any Powertools function.

    Loggers are global to the process, and Powertools initializes a second one of the same name only partly, so each is
    created once.
    """
    logger = Logger(
        service=name,
        logger_handler=StrictStreamHandler(_CurrentStdout()),
        json_serializer=serialized,
        json_deserializer=_text,
        utc=True,
        use_rfc3339=True,
        serialize_stacktrace=False,
    )
    logger.append_keys(service=SERVICE)
    # Lambda's runtime has a handler on the root logger, which would write each line again in its own format.
    logging.getLogger(name).propagate = False
    if level is not None:
        # AWS_LAMBDA_LOG_LEVEL overrides Powertools' own parameter: at ERROR, there would be no audit line.
        logging.getLogger(name).setLevel(level)
    return logger


def quiet_libraries() -> None:
    """Keep the libraries from logging what they send and receive.

    At debug level, botocore logs whole answers of STS, including secret keys, and Lambda's own log configuration can
    set that level on the root logger.
    """
    for name in ("aws_lambda_powertools", "boto3", "botocore", "jwt", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def write_to_stderr(fields: dict[str, object]) -> None:
    """Write a line to standard error, which Lambda stores in the same log, if standard output failed."""
    # A failure here cannot be reported anywhere.
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{serialized(fields)}\n")


def cleaned_traceback(error: BaseException) -> str:
    """Return the traceback of `error`, with values that could be secret redacted."""
    import traceback  # noqa: PLC0415 - only an unexpected error needs it

    return redacted("".join(traceback.format_exception(error)))


_LOGGER_NAME: Final = "token-exchange-audit"


class AuditLog:
    """Writes audit lines, whatever log level the environment sets."""

    def __init__(self) -> None:
        self._logger = logger_for(_LOGGER_NAME, level="INFO")

    def write(self, record: AuditRecord, more: dict[str, Json]) -> None:
        """Write the line of `record`, with the fields `more` of the environment.

        Raises:
            OSError: the line could not be written; then no login may be returned.
        """
        self._logger.info("exchange", extra=as_extra({**record.render(), **more}))

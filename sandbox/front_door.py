"""The HTTP API in front of a Lambda handler.

One request at a time reaches the handler, as in one Lambda environment; the others wait.
"""

import os
import secrets
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from sandbox.clocks import WALL_CLOCK, Now
from sandbox.gateway_events import ACCOUNT, Event, gateway_error, make_event, read_answer
from sandbox.loopback import Answer, Request, Server

MAX_HEADER_BYTES: Final = 10_240
"""Request line and headers together. Source: "Amazon API Gateway endpoints and quotas", HTTP API."""

FUNCTION_NAME: Final = "ecr-token-exchange"
TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaContext:
    """The second argument of a Lambda handler, in the names that Lambda gives it."""

    aws_request_id: str
    ends_at_monotonic: float = field(repr=False)
    function_name: str = FUNCTION_NAME
    function_version: str = "$LATEST"
    invoked_function_arn: str = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{FUNCTION_NAME}"
    memory_limit_in_mb: str = "256"  # Lambda sends a string
    log_group_name: str = f"/aws/lambda/{FUNCTION_NAME}"
    log_stream_name: str = "2026/01/01/[$LATEST]sandbox"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda would stop the function."""
        return max(0, int((self.ends_at_monotonic - time.monotonic()) * 1000))


type LambdaHandler = Callable[[Event, LambdaContext], object]


class FrontDoor:
    """An HTTP API in front of `handler`, on loopback."""

    def __init__(
        self,
        handler: LambdaHandler,
        *,
        port: int = 0,
        listener: socket.socket | None = None,
        now: Now = WALL_CLOCK,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._handler = handler
        self._now = now
        self._timeout_seconds = timeout_seconds
        self._one_at_a_time = threading.Lock()
        self._server = Server(self._handle, port=port, listener=listener)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handle(self, request: Request) -> Answer:
        gateway_id = secrets.token_urlsafe(12)[:15] + "="
        if _header_bytes(request) > MAX_HEADER_BYTES:
            return gateway_error(431, "Request Header Fields Too Large", request_id=gateway_id)
        trace_id = f"Root=1-{int(self._now()):08x}-{secrets.token_hex(12)}"
        event = make_event(
            request,
            domain=request.header("host") or "localhost",
            request_id=gateway_id,
            trace_id=trace_id,
            now_seconds=self._now(),
        )
        with self._one_at_a_time:
            context = LambdaContext(
                aws_request_id=str(uuid.uuid4()), ends_at_monotonic=time.monotonic() + self._timeout_seconds
            )
            os.environ["_X_AMZN_TRACE_ID"] = trace_id  # as Lambda's runtime sets it before each call
            try:
                answer = self._handler(event, context)
            except Exception:  # noqa: BLE001 - Lambda logs it, and the gateway says nothing of it
                traceback.print_exc()
                return gateway_error(500, "Internal Server Error", request_id=gateway_id)
        return read_answer(answer, request_id=gateway_id)


def _header_bytes(request: Request) -> int:
    line = len(request.method) + len(request.target) + len("  HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in request.headers)

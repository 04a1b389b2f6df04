"""One request to the handler, in its own process, as API Gateway would make it."""

import time
import uuid
from collections.abc import Callable
from http import HTTPStatus

from sandbox.front_door import LambdaContext
from sandbox.gateway_events import make_event
from sandbox.loopback import Request
from sandbox.runtime import load_handler
from sandbox.service import HANDLER


def request_of(token: str, status: HTTPStatus, *, query: str = "registry=apps") -> Callable[[], None]:
    """Return a request to the handler with `token`, which is answered with `status`."""
    request = Request(method="POST", target=f"/v1/token?{query}", headers=(("Authorization", f"Bearer {token}"),))
    handler = load_handler(HANDLER)
    event = make_event(
        request, domain="exchange.example", request_id="bench", trace_id="Root=1-0-0", now_seconds=time.time()
    )

    def request_once() -> None:
        context = LambdaContext(aws_request_id=str(uuid.uuid4()), ends_at_monotonic=time.monotonic() + 20)
        answer = handler(event, context)
        assert isinstance(answer, dict)
        assert answer["statusCode"] == status, answer

    return request_once

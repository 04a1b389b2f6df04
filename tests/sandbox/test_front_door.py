import threading

import pytest

from sandbox.front_door import MAX_HEADER_BYTES, FrontDoor, LambdaContext
from sandbox.gateway_events import Event

from .wire import send


@pytest.fixture(autouse=True)
def _own_trace_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")  # so that it is put back


def test_a_handler_is_called_as_lambda_calls_it() -> None:
    calls: list[tuple[Event, LambdaContext]] = []

    def handler(event: Event, context: LambdaContext) -> object:
        calls.append((event, context))
        assert 29_000 < context.get_remaining_time_in_millis() <= 30_000
        return {"statusCode": 201, "headers": {"X-Request-Id": context.aws_request_id}, "body": "done"}

    with FrontDoor(handler) as door:
        answers = [send(f"{door.url}/v1/health") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == b"done"
    assert [answer.headers["x-request-id"] for answer in answers] == [call[1].aws_request_id for call in calls]
    assert calls[0][1].aws_request_id != calls[1][1].aws_request_id
    assert calls[0][0]["rawPath"] == "/v1/health"


def test_a_handler_that_raises_is_logged_and_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(_event: Event, _context: LambdaContext) -> object:
        raise LookupError("private detail")

    with FrontDoor(handler) as door:
        answer = send(f"{door.url}/")
    assert (answer.status, answer.body) == (500, b'{"message": "Internal Server Error"}')
    assert "private detail" in capsys.readouterr().err


@pytest.mark.parametrize(("spare_bytes", "status"), [(0, 200), (-1, 431)])
def test_the_gateway_refuses_a_header_block_that_is_too_long(spare_bytes: int, status: int) -> None:
    with FrontDoor(lambda _event, _context: {"statusCode": 200, "body": ""}) as door:
        host = door.url.removeprefix("http://")
        used = len("GET / HTTP/1.1\r\n") + len(f"Host: {host}\r\nAccept-Encoding: identity\r\nX: \r\n")
        answer = send(f"{door.url}/", headers=[("X", "x" * (MAX_HEADER_BYTES - used - spare_bytes))])
    assert answer.status == status
    if status == 431:
        assert answer.body == b'{"message": "Request Header Fields Too Large"}'
        assert "x-request-id" not in answer.headers


def test_one_request_at_a_time_reaches_the_handler() -> None:
    inside = threading.Semaphore(1)
    overlaps: list[bool] = []

    def handler(_event: Event, _context: LambdaContext) -> object:
        free = inside.acquire(blocking=False)
        overlaps.append(not free)
        if free:
            inside.release()
        return {}

    with FrontDoor(handler) as door:
        threads = [threading.Thread(target=send, args=(f"{door.url}/",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert overlaps == [False] * 8

import base64
import json
from collections.abc import Mapping

import pytest

from sandbox.gateway_events import Event, make_event, read_answer
from sandbox.loopback import Headers, Request


def _event(target: str = "/v1/token", *, headers: Headers = (), body: bytes = b"") -> Event:
    request = Request(method="POST", target=target, headers=headers, body=body, peer="127.0.0.9")
    return make_event(
        request, domain="localhost:8080", request_id="abc=", trace_id="Root=1-2-3", now_seconds=1_795_000_000.25
    )


def _member(event: Event, name: str) -> Mapping[str, object]:
    value = event[name]
    assert isinstance(value, dict)
    return value


def test_an_event_has_the_gateways_fields() -> None:
    event = _event("/v1/token?a=1&b=&a=2", headers=(("User-Agent", "curl/8"), ("Host", "localhost:8080")))
    context = _member(event, "requestContext")
    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == context["stage"] == "$default"
    assert (event["rawPath"], event["rawQueryString"]) == ("/v1/token", "a=1&b=&a=2")
    assert event["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert context["http"] == {
        "method": "POST",
        "path": "/v1/token",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.9",
        "userAgent": "curl/8",
    }
    assert (context["requestId"], context["timeEpoch"]) == ("abc=", 1_795_000_000_250)
    assert context["time"] == "18/Nov/2026:11:06:40 +0000"
    assert event["isBase64Encoded"] is False
    assert "body" not in event
    json.dumps(event)


def test_headers_are_lower_case_and_joined() -> None:
    event = _event(
        headers=(("Authorization", "Bearer a"), ("AUTHORIZATION", "Bearer b"), ("X-Forwarded-For", "1.2.3.4"))
    )
    headers = _member(event, "headers")
    assert headers["authorization"] == "Bearer a,Bearer b"
    assert headers["x-forwarded-for"] == "1.2.3.4,127.0.0.9", "what was forged comes first"
    assert headers["x-amzn-trace-id"] == "Root=1-2-3"


def test_cookies_are_taken_out_of_the_headers() -> None:
    event = _event(headers=(("Cookie", "a=1; b=2"),))
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in _member(event, "headers")


@pytest.mark.parametrize(
    ("content_type", "body", "plain"),
    [
        ("application/json", b"{}", True),
        ("application/json; charset=utf-8", b"{}", True),
        ("text/plain", b"x", True),
        ("text/plain", b"\xff", False),
        # not text to the gateway
        ("application/x-www-form-urlencoded", b"a=b", False),
        ("application/octet-stream", b"a", False),
        (None, b"a", False),
    ],
)
def test_a_binary_body_is_base64(content_type: str | None, body: bytes, plain: bool) -> None:  # noqa: FBT001
    event = _event(headers=() if content_type is None else (("Content-Type", content_type),), body=body)
    assert event["isBase64Encoded"] is not plain
    assert event["body"] == (body.decode() if plain else base64.b64encode(body).decode())


def test_a_whole_answer_is_passed_on() -> None:
    answer = read_answer(
        {
            "statusCode": 403,
            "headers": {"Content-Type": "application/json", "Content-Length": "999", "X-Request-Id": "r"},
            "cookies": ["a=1", "b=2"],
            "body": base64.b64encode(b"{}").decode(),
            "isBase64Encoded": True,
        },
        request_id="abc=",
    )
    assert (answer.status, answer.body) == (403, b"{}")
    assert answer.headers == (
        ("content-type", "application/json"),
        ("x-request-id", "r"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("apigw-requestid", "abc="),
    )


def test_an_answer_without_a_status_is_a_json_body() -> None:
    answer = read_answer({"hello": 1}, request_id="abc=")
    assert (answer.status, answer.body) == (200, b'{"hello": 1}')


@pytest.mark.parametrize(
    "answer", [{"statusCode": "soon"}, {"statusCode": 200, "body": 1}, {"statusCode": 200, "headers": ["a"]}]
)
def test_an_answer_that_cannot_be_sent_is_the_gateways_own_error(answer: object) -> None:
    sent = read_answer(answer, request_id="abc=")
    assert (sent.status, sent.body) == (500, b'{"message": "Internal Server Error"}')

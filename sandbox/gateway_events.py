"""Converts requests to events, and answers to responses, as API Gateway's HTTP APIs do.

Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from sandbox.loopback import Answer, Headers, Request

ACCOUNT: Final = "111122223333"
API_ID: Final = "sandbox001"
_TEXT_TYPES: Final = ("text/", "application/json", "application/javascript", "application/xml")

type Event = dict[str, object]


def make_event(request: Request, *, domain: str, request_id: str, trace_id: str, now_seconds: float) -> Event:
    """Return the event for a request, as the stage `$default` of an HTTP API would make it."""
    headers = _headers(request, domain=domain, trace_id=trace_id)
    path = request.url.path
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.url.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.peer,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": datetime.fromtimestamp(now_seconds, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now_seconds * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies := [value for name, value in request.headers if name.lower() == "cookie"]:
        event["cookies"] = [each.strip() for value in cookies for each in value.split(";")]
    if parameters := _joined(parse_qsl(request.url.query, keep_blank_values=True)):
        event["queryStringParameters"] = parameters
    if request.body:
        event |= _body(request)
    return event


def _headers(request: Request, *, domain: str, trace_id: str) -> dict[str, str]:
    sent = [(name.lower(), value) for name, value in request.headers if name.lower() not in {"cookie", "connection"}]
    added = [
        ("x-amzn-trace-id", trace_id),
        ("x-forwarded-for", request.peer),
        ("x-forwarded-port", domain.rpartition(":")[2] if ":" in domain else "443"),
        ("x-forwarded-proto", "https"),
    ]
    # The gateway's values come after the sender's, such as a forged x-forwarded-for.
    return _joined([*sent, *added])


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(request: Request) -> Event:
    """Return the body's part: forms are not text to the gateway, so they arrive in base64."""
    content_type = (request.header("content-type") or "").strip().lower()
    if content_type.startswith(_TEXT_TYPES):
        try:
            return {"body": request.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # not UTF-8, although declared as text
    return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def read_answer(answer: object, *, request_id: str) -> Answer:
    """Return what the gateway sends for a function's answer.

    An answer without `statusCode` is a JSON body with status 200; an invalid one becomes the gateway's own 500.
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        inferred = json.dumps(answer).encode()
        return Answer(headers=(("content-type", "application/json"), ("apigw-requestid", request_id)), body=inferred)
    status: object = answer["statusCode"]
    headers: object = answer.get("headers") or {}
    body: object = answer.get("body") or ""
    cookies: object = answer.get("cookies") or []
    if not (isinstance(headers, dict) and isinstance(body, str) and isinstance(cookies, list)):
        return gateway_error(500, "Internal Server Error", request_id=request_id)
    if not str(status).isdecimal():
        return gateway_error(500, "Internal Server Error", request_id=request_id)
    sent: Headers = (
        *((str(name).lower(), str(value)) for name, value in headers.items()),
        *(("set-cookie", str(cookie)) for cookie in cookies),
        ("apigw-requestid", request_id),
    )
    if "content-type" not in {name for name, _ in sent}:
        sent = (("content-type", "text/plain;charset=utf-8"), *sent)
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") is True else body.encode()
    without_length = tuple((name, value) for name, value in sent if name != "content-length")
    return Answer(status=int(str(status)), headers=without_length, body=raw)


def gateway_error(status: int, message: str, *, request_id: str) -> Answer:
    """Return an answer of the gateway itself, which has no reason code."""
    headers = (("content-type", "application/json"), ("apigw-requestid", request_id))
    return Answer(status=status, headers=headers, body=json.dumps({"message": message}).encode())

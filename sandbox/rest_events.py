"""Requests as API Gateway's REST APIs hand them to a Lambda.

Source: API Gateway developer guide, "Lambda proxy integrations in API Gateway", input format.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from sandbox.gateway_events import ACCOUNT, API_ID, Event
from sandbox.loopback import Request

STAGE: Final = "prod"


def make_rest_event(request: Request, *, domain: str, request_id: str, trace_id: str, now_seconds: float) -> Event:
    """Return the event of payload format 1.0 for a request to a greedy resource of the stage `prod`."""
    path = request.url.path
    headers = [*request.headers, ("X-Amzn-Trace-Id", trace_id), ("X-Forwarded-For", request.peer)]
    parameters = parse_qsl(request.url.query, keep_blank_values=True)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.method,
        # Of a repeated name, the plain mapping has the last value and the other mapping all of them.
        "headers": dict(headers),
        "multiValueHeaders": _all_values(headers),
        "queryStringParameters": dict(parameters) or None,
        "multiValueQueryStringParameters": _all_values(parameters) or None,
        "pathParameters": {"proxy": path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "extendedRequestId": request_id,
            "httpMethod": request.method,
            "identity": {"sourceIp": request.peer, "userAgent": request.header("user-agent")},
            "path": f"/{STAGE}{path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": datetime.fromtimestamp(now_seconds, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now_seconds * 1000),
            "resourcePath": "/{proxy+}",
            "stage": STAGE,
        },
        "body": request.body.decode() or None,
        "isBase64Encoded": False,
    }


def _all_values(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return dict(values)

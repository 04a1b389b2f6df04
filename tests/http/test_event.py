import base64

import pytest

from token_exchange.http.event import NotHttp, parse_pairs, read_event

HTTP = {"method": "POST", "path": "/v1/token", "sourceIp": "203.0.113.7", "userAgent": "curl/8"}


def payload_2(*, http: dict[str, object] | None = None, stage: str = "$default", **more: object) -> dict[str, object]:
    return {
        "version": "2.0",
        "rawPath": "/v1/token",
        "requestContext": {"http": {**HTTP, **(http or {})}, "stage": stage, "requestId": "gateway"},
        **more,
    }


def payload_1(**more: object) -> dict[str, object]:
    return {
        "httpMethod": "POST",
        "path": "/v1/token",
        "requestContext": {
            "stage": "prod",
            "requestId": "gateway",
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "curl/8"},
        },
        **more,
    }


@pytest.mark.parametrize("event", [payload_2(), payload_1()])
def test_both_payloads_say_the_same(event: dict[str, object]) -> None:
    request = read_event(event)
    assert (request.method, request.path, request.query, request.body) == ("POST", "/v1/token", (), b"")
    assert (request.api_request_id, request.source_ip, request.user_agent) == ("gateway", "203.0.113.7", "curl/8")


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (payload_2(), "/v1/token"),
        (payload_2(stage="live", rawPath="/live/v1/token"), "/v1/token"),
        # A stage or base path that is called like the beginning of our own paths.
        (payload_2(stage="v1", rawPath="/v1/v1/token"), "/v1/token"),
        (payload_2(stage="v1", rawPath="/v1/.well-known/x"), "/.well-known/x"),
        (payload_2(stage="v1", rawPath="/v1/token"), "/v1/token"),
        (payload_2(routeKey="POST /v1/token", rawPath="/v1/v1/token"), "/v1/token"),
        (payload_1(resource="/{proxy+}", pathParameters={"proxy": "v1/token"}, path="/v1/v1/token"), "/v1/token"),
        (payload_1(resource="/v1/{proxy+}", pathParameters={"proxy": "token"}, path="/v1/token"), "/v1/token"),
        (payload_2(routeKey="POST /v1/token", rawPath="/ecr/v1/token"), "/v1/token"),
        (
            payload_2(routeKey="ANY /{proxy+}", pathParameters={"proxy": "v1/token"}, rawPath="/a/b/v1/token"),
            "/v1/token",
        ),
        (payload_2(routeKey="ANY /v1/{proxy+}", pathParameters={"proxy": "token"}, rawPath="/a/v1/token"), "/v1/token"),
        (payload_1(path="/prod/v1/token"), "/v1/token"),
        (payload_1(resource="/{proxy+}", pathParameters={"proxy": "v1/token"}, path="/base/v1/token"), "/v1/token"),
        (payload_1(resource="/v1/{proxy+}", pathParameters={"proxy": "token"}, path="/base/v1/token"), "/v1/token"),
        (payload_1(resource="/v1/token", path="/base/v1/token"), "/v1/token"),
        (
            payload_1(resource="/{proxy+}", pathParameters={"proxy": ".well-known/x"}, path="/base/.well-known/x"),
            "/.well-known/x",
        ),
        # A route with a folder of its own, also on a domain with a base path.
        (payload_1(resource="/x/{proxy+}", pathParameters={"proxy": "v1/token"}, path="/x/v1/token"), "/v1/token"),
        (payload_1(resource="/x/{proxy+}", pathParameters={"proxy": "v1/token"}, path="/base/x/v1/token"), "/v1/token"),
        (payload_1(resource="/x/y/v1/token", path="/x/y/v1/token"), "/v1/token"),
        (payload_1(resource="/x/v1/{proxy+}", pathParameters={"proxy": "token"}, path="/x/v1/token"), "/v1/token"),
        (payload_1(resource="/v1/{proxy+}", pathParameters={"proxy": "v1/token"}, path="/v1/v1/token"), "/v1/token"),
        (payload_2(routeKey="GET /x/.well-known/y", rawPath="/x/.well-known/y"), "/.well-known/y"),
        (
            payload_2(routeKey="ANY /x/{proxy+}", pathParameters={"proxy": "v1/token"}, rawPath="/x/v1/token"),
            "/v1/token",
        ),
        # Only the caller says that these have something in front.
        (
            payload_1(resource="/x/{proxy+}", pathParameters={"proxy": "y/v1/token"}, path="/x/y/v1/token"),
            "/x/y/v1/token",
        ),
        (payload_2(rawPath="/ecr/v1/token"), "/ecr/v1/token"),
        (payload_2(stage="live", rawPath="/lively/v1/token"), "/lively/v1/token"),
        (payload_2(stage="live", rawPath="/x/live/v1/token"), "/x/live/v1/token"),
        (payload_1(resource="/{proxy+}", pathParameters={"proxy": "x/v1/token"}, path="/x/v1/token"), "/x/v1/token"),
        (payload_1(path="//v1/token"), "//v1/token"),
        (payload_2(rawPath="/v1/v1/token"), "/v1/v1/token"),
        (payload_1(path="/prod"), "/prod"),
    ],
)
def test_a_stage_or_base_path_is_stripped(event: dict[str, object], path: str) -> None:
    assert read_event(event).path == path


@pytest.mark.parametrize(
    ("event", "authorization"),
    [
        (payload_2(headers={"Authorization": "Bearer a"}), ("Bearer a",)),
        (payload_2(headers={"authorization": "Bearer a", "AUTHORIZATION": "Bearer b"}), ("Bearer a", "Bearer b")),
        (payload_2(headers={"x-authorization": "Bearer a"}), ()),
        (payload_2(headers={"authorization": ["Bearer a"]}), ()),
        (payload_1(headers={"Authorization": "b"}, multiValueHeaders={"Authorization": ["a", "b"]}), ("a", "b")),
        (payload_1(headers={"Authorization": "b"}, multiValueHeaders=None), ("b",)),
        (payload_1(headers=None), ()),
    ],
)
def test_each_value_of_the_header_counts(event: dict[str, object], authorization: tuple[str, ...]) -> None:
    assert read_event(event).authorization == authorization


@pytest.mark.parametrize(
    ("event", "query"),
    [
        (payload_2(rawQueryString="a=1&a=2&b=%20+&c"), (("a", "1"), ("a", "2"), ("b", "  "), ("c", ""))),
        (payload_2(queryStringParameters={"a": "1"}), (("a", "1"),)),
        (payload_2(rawQueryString="a=%ff"), None),
        (payload_2(rawQueryString="&".join(["a=1"] * 201)), None),
        (
            payload_1(queryStringParameters={"a": "2"}, multiValueQueryStringParameters={"a": ["1", "2"]}),
            (("a", "1"), ("a", "2")),
        ),
        (payload_1(queryStringParameters={"a": "%20"}), (("a", "%20"),)),
    ],
)
def test_the_query_is_read_once_and_strictly(
    event: dict[str, object], query: tuple[tuple[str, str], ...] | None
) -> None:
    assert read_event(event).query == query


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (payload_2(body="a=1"), b"a=1"),
        (payload_2(body=None), b""),
        (payload_2(body=base64.b64encode(b"\xff").decode(), isBase64Encoded=True), b"\xff"),
        (payload_2(body="a=1", isBase64Encoded="true"), b"a=1"),
        (payload_2(body="é", isBase64Encoded=True), None),
        (payload_2(body="YQ", isBase64Encoded=True), None),
        (payload_2(body="Y Q==", isBase64Encoded=True), None),
        (payload_2(body={"a": 1}), None),
    ],
)
def test_a_body_is_its_octets_or_none(event: dict[str, object], body: bytes | None) -> None:
    assert read_event(event).body == body


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "x",
        {},
        {"Records": []},
        {"httpMethod": "POST"},
        {"path": "/v1/token"},
        payload_2(http={"method": None}),
    ],
)
def test_an_event_that_is_not_a_request_is_refused(event: object) -> None:
    with pytest.raises(NotHttp):
        read_event(event)


def test_no_repr_shows_a_token() -> None:
    request = read_event(payload_2(headers={"authorization": "Bearer secret"}, body="subject_token=secret"))
    assert "secret" not in repr(request)


def test_pairs_of_nothing_are_none() -> None:
    assert parse_pairs(b"") == ()

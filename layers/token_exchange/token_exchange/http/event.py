"""Lambda events as HTTP requests, the token in the Authorization header, and answers as Lambda results.

Read are the events of HTTP APIs (payload 2.0), REST APIs (payload 1.0) and Lambda function URLs.

Source: API Gateway Developer Guide, "Working with AWS Lambda proxy integrations for HTTP APIs" and "Set up Lambda proxy
integrations in API Gateway"; Lambda Developer Guide, "Invoking Lambda function URLs"; RFC 6750 section 2.1 (Bearer).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused

MAX_BODY_BYTES: Final = 64 * 1024


@record
class HttpRequest:
    """A request as the gateway received it.

    `query` has the decoded pairs in their order, or is None if the query cannot be decoded. `authorization` has each
    value of that header. `body` is decoded if the gateway encoded it, and is None if that encoding is invalid. A body
    longer than `MAX_BODY_BYTES` is cut, to at least one byte more than that.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] | None
    authorization: tuple[str, ...] = field(repr=False)
    content_type: str | None
    body: bytes | None = field(repr=False)
    api_request_id: str | None
    source_ip: str | None
    user_agent: str | None


@record
class HttpAnswer:
    """An answer; `body` may contain a registry password. A refusal's body is written from `refusal`, its fields."""

    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)
    refusal: Mapping[str, Json] | None = field(default=None, repr=False)

    def as_lambda_result(self) -> dict[str, object]:
        """Return the answer in the form that HTTP APIs, REST APIs and function URLs accept."""
        return {
            "statusCode": self.status,
            "headers": dict(self.headers),
            "body": self.body,
            "isBase64Encoded": False,
        }


_ROOTS: Final = ("/v1/", "/.well-known/")

_MAX_FIELDS: Final = 100
"""There are thirteen parameters, and ten registries may be requested."""

_MAX_ENCODED_BODY: Final = 4 * (MAX_BODY_BYTES // 3 + 1)
"""Base64 characters for one or two bytes more than a body may have."""

_PATH_PARAMETER: Final = re.compile(r"\{([^{}+]+)\+?\}")

type Event = Mapping[str, object]


class NotHttp(Exception):
    """The event is not an HTTP request; the message says what is missing."""


def read_event(event: object) -> HttpRequest:
    """Return the HTTP request in `event`.

    Raises:
        NotHttp: the event is not an HTTP request.
    """
    if not isinstance(event, Mapping):
        raise NotHttp("the event is not an object")
    context = _mapping(event.get("requestContext"))
    http = _mapping(context.get("http"))
    return _payload_2(event, context, http) if http else _payload_1(event, context)


def _payload_2(event: Event, context: Event, http: Event) -> HttpRequest:
    headers = list(_pairs(event.get("headers")))
    raw_query = _text(event.get("rawQueryString"))
    return HttpRequest(
        method=_required(http.get("method"), "requestContext.http.method"),
        path=_without_prefix(_text(event.get("rawPath")) or _required(http.get("path"), "rawPath"), event, context),
        query=(
            parse_pairs(raw_query.encode("utf-8", "surrogatepass"))
            if raw_query
            else tuple(_pairs(event.get("queryStringParameters")))
        ),
        authorization=tuple(_values(headers, "authorization")),
        content_type=next(_values(headers, "content-type"), None),
        body=_body(event),
        api_request_id=_text(context.get("requestId")),
        source_ip=_text(http.get("sourceIp")),
        user_agent=_text(http.get("userAgent")),
    )


def _payload_1(event: Event, context: Event) -> HttpRequest:
    # The multi-value fields have every value; the plain ones have only the last.
    headers = list(_multi_pairs(event.get("multiValueHeaders"))) or list(_pairs(event.get("headers")))
    query = list(_multi_pairs(event.get("multiValueQueryStringParameters"))) or list(
        _pairs(event.get("queryStringParameters"))
    )
    identity = _mapping(context.get("identity"))
    return HttpRequest(
        method=_required(event.get("httpMethod"), "httpMethod"),
        path=_without_prefix(_required(event.get("path"), "path"), event, context),
        query=tuple(query),
        authorization=tuple(_values(headers, "authorization")),
        content_type=next(_values(headers, "content-type"), None),
        body=_body(event),
        api_request_id=_text(context.get("requestId")),
        source_ip=_text(identity.get("sourceIp")),
        user_agent=_text(identity.get("userAgent")),
    )


def parse_pairs(encoded: bytes) -> tuple[tuple[str, str], ...] | None:
    """Return the pairs of a URL-encoded query or form, or None if it is invalid, not UTF-8, or has too many fields.

    A `%` without two hexadecimal digits is refused: parsers disagree on its meaning.

    Source: RFC 6749 appendix B.
    """
    if encoded.count(b"&") >= _MAX_FIELDS:
        return None
    try:
        return tuple(_pair(field) for field in encoded.split(b"&") if field)
    except UnicodeDecodeError:
        return None


def _pair(field: bytes) -> tuple[str, str]:
    name, _, value = field.replace(b"+", b" ").partition(b"=")
    return _unescaped(name), _unescaped(value)


def _unescaped(octets: bytes) -> str:
    r"""Return `octets` decoded, with `%XX` as an octet; raises `UnicodeDecodeError` for invalid escapes or UTF-8.

    `urllib.parse` runs Python code for each escape: 64 KiB of escapes took longer than an exchange, and as long as
    eight exchanges with non-ASCII characters in between. Rewritten as `\xXX`, one call of a C codec decodes them all.
    """
    if b"%" not in octets:
        return octets.decode("utf-8")
    escaped = octets.replace(b"\\", rb"\\").replace(b"%", rb"\x")
    return escaped.decode("unicode_escape").encode("latin-1").decode("utf-8")


def _without_prefix(path: str, event: Event, context: Event) -> str:
    """Return `path` without a leading stage or base path, if the event names one.

    A stage may be called `v1`, so a path such as `/v1/v1/token` cannot be recognized by its beginning.
    """
    for prefix in _prefixes(path, event, context):
        if prefix and path.startswith(f"{prefix}/") and path[len(prefix) :].startswith(_ROOTS):
            return path[len(prefix) :]
    return path


def _prefixes(path: str, event: Event, context: Event) -> Iterator[str]:
    stage = _text(context.get("stage"))
    if stage:
        yield f"/{stage}"
    parameters = _mapping(event.get("pathParameters"))
    resource = _text(event.get("resource")) or ""
    route = (_text(event.get("routeKey")) or "").partition(" ")[2]
    # The route matched the end of the path; what precedes it is the base path of a custom domain.
    for form in (resource, route):
        matched = _PATH_PARAMETER.sub(lambda found: _text(parameters.get(found[1])) or found[0], form)
        if matched and path.endswith(matched):
            base = path.removesuffix(matched)
            # A route can begin with folders, such as `/ecr/{proxy+}`.
            folders = form.partition("{")[0].rstrip("/").split("/")
            yield from (base + "/".join(folders[:count]) for count in range(len(folders), 0, -1))


def _body(event: Event) -> bytes | None:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return None
    # A gateway accepts megabytes. A body that is too long is refused by its length, so the remainder is not decoded.
    if event.get("isBase64Encoded") is not True:
        return body[: MAX_BODY_BYTES + 1].encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body[:_MAX_ENCODED_BODY], validate=True)
    except (binascii.Error, ValueError):
        return None


def _values(headers: list[tuple[str, str]], name: str) -> Iterator[str]:
    return (value for key, value in headers if key.lower() == name)


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    return ((key, item) for key, item in _mapping(value).items() if isinstance(item, str))


def _multi_pairs(value: object) -> Iterator[tuple[str, str]]:
    for key, items in _mapping(value).items():
        if isinstance(items, list):
            yield from ((key, item) for item in items if isinstance(item, str))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _required(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise NotHttp(f"the event has no {name}")
    return value


_PARAMETER: Final = re.compile(r" *[A-Za-z0-9_-]+=")
"""A parameter of an authentication scheme (RFC 9110 section 11.2); a Bearer token has none."""


def find_token(request: HttpRequest, in_body: str | None) -> str:
    """Return the raw token of `request`, from its header or `in_body`.

    A request with two tokens is refused: what was checked and what was used must not differ (RFC 6750 section 2).

    Raises:
        Refused: `two-tokens` or `missing-token`.
    """
    if len(request.authorization) > 1 or any(_is_joined(value) for value in request.authorization):
        raise Refused(Reason.TWO_TOKENS, "more than one Authorization header")
    bearer = _bearer(request.authorization[0]) if request.authorization else None
    if bearer is not None and in_body is not None:
        raise Refused(Reason.TWO_TOKENS, "a token in the header and another in the body")
    token = bearer if bearer is not None else in_body
    if token is None:
        raise Refused(Reason.MISSING_TOKEN, "no token was sent")
    return token


def bearer_token(request: HttpRequest) -> str | None:
    """Return the token in the header if there is exactly one; the request may still be refused for any reason."""
    if len(request.authorization) != 1 or _is_joined(request.authorization[0]):
        return None
    return _bearer(request.authorization[0])


def _is_joined(authorization: str) -> bool:
    """Return whether a gateway joined several headers with commas.

    Commas also separate the parameters of one scheme: a function URL with IAM authorization receives an AWS signature
    in this header, and the token in the body.
    """
    first, *rest = authorization.split(",")
    return bool(rest) and (_bearer(first) is not None or not all(_PARAMETER.match(part) for part in rest))


def _bearer(authorization: str) -> str | None:
    """Return the credentials of the Bearer scheme, or None for another scheme or an empty token."""
    scheme, _, credentials = authorization.partition(" ")
    token = credentials.strip(" ")
    return token if scheme.lower() == "bearer" and token else None

"""Lambda's events as HTTP requests, the token in their headers, and answers as Lambda's results."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.refusals import Reason, Refused

MAX_BODY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as the gateway saw it.

    `query` are decoded pairs in their order. `authorization` holds each value of that header. `body` is what was
    sent, decoded where the gateway encoded it, or None where the gateway's encoding is broken; of one that is longer
    than `MAX_BODY_BYTES` at least one byte more than those, and not all of it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer; `body` may be a registry password."""

    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)

    def as_lambda_result(self) -> dict[str, object]:
        """Return the answer as HTTP APIs, REST APIs and function URLs take it."""
        return {
            "statusCode": self.status,
            "headers": dict(self.headers),
            "body": self.body,
            "isBase64Encoded": False,
        }


_ROOTS: Final = ("/v1/", "/.well-known/")

_MAX_FIELDS: Final = 100
"""There are thirteen names, and of registries there may be ten."""

_MAX_ENCODED_BODY: Final = 4 * (MAX_BODY_BYTES // 3 + 1)
"""Characters of base64 that hold one byte more than a body may have, or two."""

_PATH_PARAMETER: Final = re.compile(r"\{([^{}+]+)\+?\}")

type Event = Mapping[str, object]


class NotHttp(Exception):
    """The event is not a request over HTTP; the text says what it lacks."""


def read_event(event: object) -> HttpRequest:
    """Return the request that `event` carries.

    Raises:
        NotHttp: it carries none.
    """
    if not isinstance(event, Mapping):
        raise NotHttp("the event is no object")
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
    # The multi-value forms hold every value; where both are there the plain ones repeat the last of them.
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
    """Return the pairs of a query or a form in UTF-8, or None where it is not one, or has too many fields.

    A `%` without two digits behind it is refused: readers disagree on what it means.
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
    r"""Return the text of `octets` in which `%XX` stands for an octet; raises `UnicodeDecodeError` where it is none.

    `urllib.parse` takes a step of Python for each escape: 64 KiB of them took longer than an exchange, and with
    characters outside ASCII in between as long as eight. `\xXX` is what Python's own codec reads at once.
    """
    if b"%" not in octets:
        return octets.decode("utf-8")
    escaped = octets.replace(b"\\", rb"\\").replace(b"%", rb"\x")
    return escaped.decode("unicode_escape").encode("latin-1").decode("utf-8")


def _without_prefix(path: str, event: Event, context: Event) -> str:
    """Return `path` without a stage or a base path in front of it, where the event itself names one.

    A stage may be called `v1`: `/v1/v1/token` begins like a path of ours, and is none.
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
    # What the route itself matched is the end of the path; in front of it stands the base path of a custom domain.
    for form in (resource, route):
        matched = _PATH_PARAMETER.sub(lambda found: _text(parameters.get(found[1])) or found[0], form)
        if matched and path.endswith(matched):
            yield path.removesuffix(matched)


def _body(event: Event) -> bytes | None:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return None
    # A gateway lets megabytes through. What is too long is refused by its length, and needs no more of it read.
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
"""A parameter of a scheme other than Bearer: RFC 9110 section 11.2."""


def find_token(request: HttpRequest, in_body: str | None) -> str:
    """Return the raw token that `request` carries.

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
    """Return the token in the header of a request that may be refused for anything, where there is just one."""
    if len(request.authorization) != 1 or _is_joined(request.authorization[0]):
        return None
    return _bearer(request.authorization[0])


def _is_joined(authorization: str) -> bool:
    """Say whether a gateway joined several headers with commas.

    The parameters of one scheme stand between commas too: a function URL with IAM authorization gets AWS's own
    signature there, and the token in the body.
    """
    first, *rest = authorization.split(",")
    return bool(rest) and (_bearer(first) is not None or not all(_PARAMETER.match(part) for part in rest))


def _bearer(authorization: str) -> str | None:
    """Return the credentials of the Bearer scheme, or None for another scheme, or for none."""
    scheme, _, credentials = authorization.partition(" ")
    token = credentials.strip(" ")
    return token if scheme.lower() == "bearer" and token else None

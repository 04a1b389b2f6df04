"""The parameters of a request's query and body, as sent. They are parsed once, whatever the answer is.

Source: RFC 8693 section 2.1; RFC 6749 section 3.1 (unknown and repeated parameters) and appendix B (form encoding);
RFC 6750 section 2.3 (why a token does not belong in a query).
"""

import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import Final, Self

from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.strict_json import NotStrictJson, RepeatedMember, parse_object
from token_exchange.http.event import MAX_BODY_BYTES, HttpRequest, parse_pairs
from token_exchange.reporting.safe_text import starts_like_header

REPEATABLE: Final = frozenset({"registry", "resource", "audience"})

KNOWN: Final = REPEATABLE | {
    "actor_token",
    "actor_token_type",
    "format",
    "grant",
    "grant_type",
    "requested_token_type",
    "scope",
    "subject_token",
    "subject_token_type",
}

_MAX_CONTENT_TYPE_CHARACTERS: Final = 256
"""RFC 6838 section 4.2 allows 127 characters each for type and subtype."""

_TOKEN_NAMES: Final = frozenset({"access_token", "assertion", "id_token", "jwt", "token"})

_FIRST_SEGMENT: Final = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{9,}+)\.(?=[A-Za-z0-9_-]++\.)")
"""A base64url run, a dot, and another run followed by a dot.

Each run is scanned at most twice, so the time is linear for any input. The shortest header, `{"alg":""}`, has more than
nine characters.
"""

_HEADER_WITHIN: Final = re.compile(r"ey[JA][A-Za-z0-9_-]{6}")
"""A header in its usual encoding, also after characters that base64url allows, such as `my_`."""


@record
class SentParameters:
    """The parameters of a request as sent; for a query or a body that is refused, the refusal.

    The values of `body` are strings for a form, and any JSON for a JSON body; a name may occur more than once.
    """

    request: HttpRequest = field(repr=False)
    query: tuple[tuple[str, str], ...] | Refused = field(repr=False)
    body: tuple[tuple[str, Json], ...] | Refused = field(repr=False)

    @classmethod
    def read(cls, request: HttpRequest) -> Self:
        """Parse query and body; a refusal is kept and raised by `pairs`."""
        return cls(request=request, query=_or_refused(_query, request), body=_or_refused(_body, request))

    def pairs(self, known: AbstractSet[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the pairs of the `known` names: those of the query and those of the body.

        Raises:
            Refused: `malformed-request`, `body-too-large`, `unsupported-media-type` or `repeated-parameter`.
        """
        if isinstance(self.query, Refused):
            raise self.query
        if isinstance(self.body, Refused):
            raise self.body
        in_query = [(name, value) for name, value in self.query if name in known]
        in_body = [(name, text) for name, value in self.body if name in known for text in _strings(name, value)]
        return in_query, in_body

    @property
    def has_grant_type(self) -> bool:
        """Whether the request has a `grant_type`, as RFC 8693 requires; the request may still be refused."""
        if isinstance(self.query, Refused) or isinstance(self.body, Refused):
            return False
        return any(
            name == "grant_type" and isinstance(value, str) and value != "" for name, value in (*self.query, *self.body)
        )

    @property
    def body_token(self) -> str | None:
        """The token in the body; the request may still be refused for any reason."""
        pairs = () if isinstance(self.body, Refused) else self.body
        values = (value for name, value in pairs if name == "subject_token" and isinstance(value, str))
        return next((value for value in values if value), None)

    @property
    def query_token(self) -> str | None:
        """The token in the query, for which the request is refused: access logs may have stored it."""
        pairs = self.request.query or ()
        named = (value for name, value in pairs if name == "subject_token" or name in _TOKEN_NAMES)
        return next((value for value in named if value), None)


def _or_refused[T](read: Callable[[HttpRequest], T], request: HttpRequest) -> T | Refused:
    try:
        return read(request)
    except Refused as refused:
        return refused


def _query(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    if request.query is None:
        raise Refused(Reason.MALFORMED_REQUEST, "the query is not URL-encoded UTF-8")
    for name, value in request.query:
        # Access logs, proxies and shell histories store queries (RFC 6750 section 2.3).
        if name.startswith("subject_") or name in _TOKEN_NAMES or _holds_jwt(f"{name}={value}"):
            raise Refused(
                Reason.MALFORMED_REQUEST, "a token in the query is not accepted; send it in the header or the body"
            )
    return request.query


def _holds_jwt(text: str) -> bool:
    """Return whether `text` contains a JWT, also one whose header begins with white space."""
    return any(
        _HEADER_WITHIN.search(found[1]) is not None or starts_like_header(found[1])
        for found in _FIRST_SEGMENT.finditer(text)
    )


def _body(request: HttpRequest) -> tuple[tuple[str, Json], ...]:
    if request.body is None:
        raise Refused(Reason.MALFORMED_REQUEST, "the body is not valid base64")
    if len(request.body) > MAX_BODY_BYTES:
        raise Refused(Reason.BODY_TOO_LARGE, f"the body has more than {MAX_BODY_BYTES} bytes")
    if not request.body:
        return ()
    match _media_type(request.content_type):
        case "application/x-www-form-urlencoded":
            return _form(request.body)
        case "application/json":
            return _json(request.body)
        case _:
            raise Refused(
                Reason.UNSUPPORTED_MEDIA_TYPE,
                f"content type: found {quoted(request.content_type or 'none')}, which is not supported",
            )


def _media_type(content_type: str | None) -> str | None:
    """Return the media type without parameters, or None if it is missing, too long, or has another charset."""
    if content_type is not None and len(content_type) > _MAX_CONTENT_TYPE_CHARACTERS:
        return None
    media_type, *parameters = [part.strip().lower() for part in (content_type or "").split(";")]
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    return media_type if all(charset in ("utf-8", "us-ascii") for charset in charsets) else None


def _form(body: bytes) -> tuple[tuple[str, str], ...]:
    pairs = parse_pairs(body)
    if pairs is None:
        raise Refused(Reason.MALFORMED_REQUEST, "the body is not a form in URL-encoded UTF-8")
    return pairs


def _json(body: bytes) -> tuple[tuple[str, Json], ...]:
    try:
        return tuple(parse_object(body).items())
    except RepeatedMember as error:
        if error.name in KNOWN:
            raise Refused(Reason.REPEATED_PARAMETER, f"{error.name} is given more than once") from None
        raise Refused(Reason.MALFORMED_REQUEST, f"the body is not strict JSON: {error}") from None
    except NotStrictJson as error:
        raise Refused(Reason.MALFORMED_REQUEST, f"the body is not strict JSON: {error}") from None


def _strings(name: str, value: Json) -> Iterable[str]:
    match value:
        case str():
            yield value
        case [] if name in REPEATABLE:
            # Without the parameter, everything that is granted is requested; an empty list did not mean that.
            raise Refused(Reason.MALFORMED_REQUEST, f"{name}: expected at least one item, found an empty list")
        case list() if name in REPEATABLE:
            for element in value:
                if not isinstance(element, str):
                    raise Refused(Reason.MALFORMED_REQUEST, f"{name}: expected a string or a list of strings")
                yield element
        case _:
            raise Refused(Reason.MALFORMED_REQUEST, f"{name}: expected a string")

"""A request and an answer, whichever front door they come through."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as the gateway saw it.

    `query` are decoded pairs in their order. `authorization` holds each value of that header. `body` is what was
    sent, decoded where the gateway encoded it, or None where the gateway's encoding is broken.
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

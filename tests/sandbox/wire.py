"""One plain HTTP exchange, for what no client library would send."""

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    status: int
    headers: dict[str, str]
    body: bytes


def send(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: list[tuple[str, str]] | None = None,
    tls: ssl.SSLContext | None = None,
    timeout_seconds: float = 5.0,
) -> Received:
    parts = urlsplit(url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, timeout=timeout_seconds, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=timeout_seconds)
    )
    try:
        connection.putrequest(method, f"{parts.path}?{parts.query}" if parts.query else parts.path or "/")
        for name, value in headers or []:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        with connection.getresponse() as answer:
            return Received(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.getheaders()},
                body=answer.read(),
            )
    finally:
        connection.close()

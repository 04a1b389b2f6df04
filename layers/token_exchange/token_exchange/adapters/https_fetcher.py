"""Fetches an issuer's documents: one GET over verified TLS, bounded in time and size, and nothing clever."""

import ssl
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from token_exchange import __version__
from token_exchange.adapters.bounded_socket import BoundedTlsSocket, Resolve, connect_tls, system_resolve
from token_exchange.ports import Clock, Deadline, FetchFailed

_MAX_HEADER_BYTES: Final = 64 * 1024
"""For everything that is not the body: status lines, headers, chunk sizes, trailers."""
_HTTPS_PORT: Final = 443


class HttpsFetcher:
    """Fulfils `Fetcher`. Reads no proxy from the environment and follows nothing."""

    def __init__(self, *, clock: Clock, resolve: Resolve = system_resolve) -> None:
        self._clock = clock
        self._resolve = resolve

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        """Return the body of a 200 answer of `url`, at most `max_bytes` long and whole.

        Raises:
            FetchFailed: whatever went wrong.
        """
        deadline = Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + timeout_seconds)
        try:
            return self._fetch(_https(url), ca_bundle, deadline, max_bytes)
        except (OSError, HTTPException, ValueError) as error:
            raise FetchFailed(f"{url!r}: {type(error).__name__}: {error}") from error

    def _fetch(self, url: SplitResult, ca_bundle: str | None, deadline: Deadline, max_bytes: int) -> bytes:
        host, port = url.hostname or "", url.port or _HTTPS_PORT
        context = tls_context(ca_bundle)
        with connect_tls(host, port, context=context, resolve=self._resolve, deadline=deadline) as tls:
            connection = HTTPSConnection(host, port, context=context)
            connection.sock = BoundedTlsSocket(tls, deadline=deadline, max_bytes=max_bytes + _MAX_HEADER_BYTES)
            connection.putrequest("GET", _target(url), skip_accept_encoding=True)
            connection.putheader("Accept", "application/json")
            connection.putheader("Accept-Encoding", "identity")
            connection.putheader("User-Agent", f"ecr-token-exchange/{__version__}")
            connection.putheader("Connection", "close")
            connection.endheaders()
            with connection.getresponse() as response:
                return _body(response, max_bytes)


def _https(url: str) -> SplitResult:
    # Checked before it is taken apart, since taking apart drops line breaks without a word.
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError("not a URL")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an https URL of a host alone")
    return parts


def _target(url: SplitResult) -> str:
    path = url.path or "/"
    return f"{path}?{url.query}" if url.query else path


def _body(response: HTTPResponse, max_bytes: int) -> bytes:
    if response.status != HTTPStatus.OK:
        raise ValueError(f"status {response.status}, expected 200")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise ValueError("a compressed answer, though none was asked for")
    if response.length is not None and response.length > max_bytes:
        raise ValueError(f"{response.length} bytes announced, expected at most {max_bytes}")
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ValueError(f"more than {max_bytes} bytes")
    if response.length:
        raise ValueError("an answer shorter than it announced")
    return body


@lru_cache(maxsize=32)
def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context that checks chain and host name; made once per bundle, since loading one is slow."""
    if ca_bundle == "":  # which the standard library would read as: trust the system's
        raise ValueError("an empty ca_bundle")
    context = ssl.create_default_context(cadata=ca_bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is not None:
        # Company CAs older than the profile of RFC 5280 are what a bundle is for; it is the shape of their
        # certificates that is forgiven, not a chain, a date or a name.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context

"""Fetches small documents from issuers over verified TLS, with limits on total size and total time.

A socket's timeout starts again with each read, so a server that sends one byte at a time can hold a client
indefinitely. Here every wait gets only the remaining time, from the DNS lookup to the last byte.

The policy chooses an issuer's host name, but the owner of the DNS zone chooses its addresses. So some addresses are
never contacted. Private networks are allowed, since a company's own CI system is there. Loopback is allowed
too: no server there has a certificate for the name.
"""

import io
import queue
import socket
import ssl
import threading
from collections.abc import Buffer, Callable, Sequence
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, override
from urllib.parse import SplitResult, urlsplit

from token_exchange import __version__
from token_exchange.core.ports import Clock, Deadline
from token_exchange.issuer_keys.origins import FetchFailed

_INSTANCE_SERVICES: Final = IPv6Network("fd00:ec2::/32")
"""Instance metadata and similar services (EC2 User Guide, "Access instance metadata"); on IPv4 they are link-local."""


def is_allowed_address(address: str) -> bool:
    """Return whether an issuer's documents may be fetched from `address`, in the form of `socket.getaddrinfo`.

    This prevents server-side request forgery against instance metadata, which hands out credentials.
    """
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address):
        if found in _INSTANCE_SERVICES:
            return False
        found = found.ipv4_mapped or found
    # Clouds serve a machine's credentials at link-local addresses; the unspecified address is this machine.
    return not (found.is_link_local or found.is_multicast or found.is_unspecified)


type _SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]

type Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, _SocketAddress]
"""As `socket.getaddrinfo` returns it."""

type Resolve = Callable[[str, int], Sequence[Address]]
"""Looks up a name, without a time limit; raises OSError."""


def system_resolve(host: str, port: int) -> Sequence[Address]:
    """Look up `host` with the system's resolver."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class BoundedTlsSocket:
    """The part of a socket that `http.client` uses, over a connection that the caller closes."""

    def __init__(self, connection: ssl.SSLSocket, *, deadline: Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._max_bytes = max_bytes

    def sendall(self, octets: bytes) -> None:
        """Send everything, or raise OSError."""
        self._connection.settimeout(_seconds_left(self._deadline))
        self._connection.sendall(octets)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader that stops at the deadline and at the size limit."""
        return io.BufferedReader(_BoundedReader(self._connection, self._deadline, self._max_bytes))

    def close(self) -> None:
        """Do nothing: `http.client` calls this before the body is read."""


class _BoundedReader(io.RawIOBase):
    def __init__(self, connection: ssl.SSLSocket, deadline: Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._bytes_left = max_bytes

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        self._connection.settimeout(_seconds_left(self._deadline))
        received = self._connection.recv_into(buffer)
        self._bytes_left -= received
        if self._bytes_left < 0:
            raise OSError("headers and body exceed the size limit")
        return received


def connect_tls(
    host: str, port: int, *, context: ssl.SSLContext, resolve: Resolve, deadline: Deadline
) -> ssl.SSLSocket:
    """Return a TLS connection to `host`, verified as `context` requires.

    Raises:
        OSError: any failure, including those of TLS.
    """
    plain = _connect(_look_up(host, port, resolve, deadline), deadline)
    try:
        # A connection that ends without close_notify may have been truncated by an attacker (RFC 8446 section 6.1).
        tls = context.wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except BaseException:
        plain.close()
        raise
    try:
        tls.settimeout(_seconds_left(deadline))
        tls.do_handshake()
    except BaseException:
        tls.close()
        raise
    return tls


def _look_up(host: str, port: int, resolve: Resolve, deadline: Deadline) -> Sequence[Address]:
    """Look up a name in a separate thread: the system's resolver has no timeout and cannot be cancelled.

    A thread that exceeds the deadline ends when the resolver does; the pauses between fetches limit their number.
    """
    answers: queue.SimpleQueue[Sequence[Address] | OSError] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, ValueError) as error:
            answers.put(OSError(f"the name was not found: {error}"))

    threading.Thread(target=answer, name="name-look-up", daemon=True).start()
    try:
        found = answers.get(timeout=_seconds_left(deadline))
    except queue.Empty:
        raise TimeoutError("looking up the name took too long") from None
    if isinstance(found, OSError):
        raise found
    allowed = [address for address in found if is_allowed_address(str(address[-1][0]))]
    if found and not allowed:
        raise OSError("the name has only addresses that are not allowed for issuers")
    return allowed


def _connect(addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers within its share of the time.

    Without shares, a network that drops IPv6 packets silently would use up all of the time.
    """
    failure = OSError("the name has no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_seconds_left(deadline) / (len(addresses) - position))
            plain.connect(address)
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


def _seconds_left(deadline: Deadline) -> float:
    seconds = deadline.remaining_seconds()
    if seconds <= 0:  # a socket would not wait at all, and a queue would raise another error
        raise TimeoutError("the time for fetching ran out")
    return seconds


_MAX_HEADER_BYTES: Final = 64 * 1024
"""The limit for everything but the body: status lines, headers, chunk sizes, trailers."""

_HTTPS_PORT: Final = 443


class HttpsFetcher:
    """Implements `Fetcher`. It uses no proxy from the environment and follows no redirects."""

    def __init__(self, *, clock: Clock, resolve: Resolve = system_resolve) -> None:
        self._clock = clock
        self._resolve = resolve

    def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        """Return the complete body of a 200 answer of `url`, at most `max_bytes` long.

        Raises:
            FetchFailed: any failure.
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
    # Checked before parsing, since `urlsplit` removes line breaks silently.
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError("not a URL")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an https URL without user information")
    return parts


def _target(url: SplitResult) -> str:
    path = url.path or "/"
    return f"{path}?{url.query}" if url.query else path


def _body(response: HTTPResponse, max_bytes: int) -> bytes:
    if response.status != HTTPStatus.OK:
        raise ValueError(f"status {response.status}, expected 200")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise ValueError("a compressed answer, which was not requested")
    if response.length is not None and response.length > max_bytes:
        raise ValueError(f"Content-Length {response.length}, expected at most {max_bytes}")
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ValueError(f"more than {max_bytes} bytes")
    if response.length:
        raise ValueError("an answer shorter than its Content-Length")
    return body


@lru_cache(maxsize=32)
def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context that verifies chain and host name; cached for each bundle, since loading one is slow."""
    if ca_bundle == "":  # the standard library would load the system's certificates
        raise ValueError("an empty ca_bundle")
    context = ssl.create_default_context(cadata=ca_bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is not None:
        # A bundle is for private CAs, whose certificates often do not conform to RFC 5280. Only the form of the
        # certificates is not checked strictly; chain, dates and names are.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context

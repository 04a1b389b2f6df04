"""A TLS connection whose every wait is bounded by one deadline, and what it reads by one count.

The timeout of a socket starts anew with each read, so a server that sends a byte now and then holds a client for
as long as it likes. Here each wait gets what is left, from the look-up of the name to the last byte.
"""

import io
import queue
import socket
import ssl
import threading
from collections.abc import Buffer, Callable, Sequence
from typing import override

from token_exchange.adapters.issuer_addresses import may_be_an_issuers
from token_exchange.ports import Deadline

type _SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
type Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, _SocketAddress]
"""As `socket.getaddrinfo` returns it."""

type Resolve = Callable[[str, int], Sequence[Address]]
"""Looks up a name, for as long as it likes; raises OSError."""


def system_resolve(host: str, port: int) -> Sequence[Address]:
    """Look up `host` as the system does."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class BoundedTlsSocket:
    """As much of a socket as `http.client` uses, over a connection that somebody else closes."""

    def __init__(self, connection: ssl.SSLSocket, *, deadline: Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._max_bytes = max_bytes

    def sendall(self, octets: bytes) -> None:
        """Send everything, or raise OSError."""
        self._connection.settimeout(_seconds_left(self._deadline))
        self._connection.sendall(octets)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader that stops at the deadline and at the count."""
        return io.BufferedReader(_BoundedReader(self._connection, self._deadline, self._max_bytes))

    def close(self) -> None:
        """Leave the connection open: `http.client` is done with it before it has read the body."""


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
            raise OSError("the answer is longer than headers and body may be together")
        return received


def connect_tls(
    host: str, port: int, *, context: ssl.SSLContext, resolve: Resolve, deadline: Deadline
) -> ssl.SSLSocket:
    """Return a connection to `host` over which TLS has been agreed as `context` wants it.

    Raises:
        OSError: whatever went wrong, also in TLS.
    """
    plain = _connect(_look_up(host, port, resolve, deadline), deadline)
    try:
        # A connection that ends without TLS's own farewell was cut off, maybe by who wants a short key set.
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
    """Look up a name in a thread of its own: the system's resolver takes no timeout and cannot be stopped.

    A thread that is given up on ends when the resolver does; the pauses between fetches bound their number.
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
    allowed = [address for address in found if may_be_an_issuers(str(address[-1][0]))]
    if found and not allowed:
        raise OSError("the name leads to nothing but addresses at which no issuer can be")
    return allowed


def _connect(addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers within its share of the time.

    Shares, since a network without a way out for IPv6 swallows attempts without a word.
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
    if seconds <= 0:  # which a socket would take as leave not to wait, a queue as an error
        raise TimeoutError("the time for fetching ran out")
    return seconds

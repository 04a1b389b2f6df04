"""A TLS server on loopback that does with each connection what a test's script says, and the CA it is trusted by."""

import contextlib
import datetime as dt
import functools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import trustme

_DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self.bundle = self._authority.cert_pem.bytes().decode()

    def server_context(self, *names: str, days: int = 1) -> ssl.SSLContext:
        """Return what a server for `names` needs; with `days` below 0 its certificate has expired."""
        now = dt.datetime.now(dt.UTC)
        certificate = self._authority.issue_cert(*names, not_before=now - 10 * _DAY, not_after=now + days * _DAY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


@functools.cache
def authority() -> Authority:
    return Authority()


@functools.cache
def loopback_context() -> ssl.SSLContext:
    return authority().server_context("localhost", "127.0.0.1")


class Connection:
    """One accepted connection, for a script to use."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, stopped: threading.Event) -> None:
        self.plain = plain
        self._context = context
        self.stopped = stopped

    def request(self) -> bytes:
        """Agree on TLS and return the request's head; from here on `tls` can be used."""
        self.tls = self._context.wrap_socket(self.plain, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head and (received := self.tls.recv(4096)):
            head += received
        return head

    def hang(self) -> None:
        """Do nothing until the test is over."""
        self.stopped.wait(30)

    def repeat(self, send: Callable[[bytes], object], octets: bytes, *, every_seconds: float) -> None:
        """Send `octets` again and again until the client closes the connection."""
        while not self.stopped.wait(every_seconds):
            send(octets)


type Script = Callable[[Connection], None]


class TlsServer:
    """Runs `script` for each connection until it is closed."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._context = context or loopback_context()
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, path: str = "/keys", *, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    def close(self) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=30)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:  # closed
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(plain,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        connection = Connection(plain, self._context, self._stopped)
        plain.settimeout(30)
        # The client may leave at any point, and mostly that is what the test is about.
        with contextlib.suppress(OSError):
            self._script(connection)
        getattr(connection, "tls", plain).close()
        plain.close()


@contextlib.contextmanager
def tls_server(script: Script, context: ssl.SSLContext | None = None) -> Iterator[TlsServer]:
    """Serve `script` for the time of a `with` block."""
    server = TlsServer(script, context)
    try:
        yield server
    finally:
        server.close()


def answering(answer: bytes, *, farewell: bool = True) -> Script:
    """Answer any request with exactly these octets, and end TLS properly unless told otherwise."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.tls.sendall(answer)
        if farewell:
            connection.tls.unwrap()

    return script


def whole(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % len(body), b"", body])


def chunked(*chunks: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"

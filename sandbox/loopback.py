"""An HTTP/1.1 server for one handler function, on loopback only.

It extends the standard library's server. Werkzeug's is not shorter: WSGI has no raw header names and no way to drop a
connection, and Werkzeug closes each connection after its answer, while clients of AWS reuse them.
"""

import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self, override
from urllib.parse import SplitResult, parse_qsl, urlsplit

HOST: Final = "127.0.0.1"
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""API Gateway's limit. Only the registry needs more."""

type Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as sent: header names in the sender's case, nothing decoded."""

    method: str
    target: str
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    peer: str = HOST

    def header(self, name: str) -> str | None:
        """Return the header's values joined by a comma, or None when it was not sent."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else None

    @property
    def url(self) -> SplitResult:
        """The parsed target. Several leading slashes are part of the path."""
        path, _, query = self.target.partition("?")
        return SplitResult("", "", path, query, "") if path.startswith("/") else urlsplit(self.target)

    def parameters(self) -> list[tuple[str, str]]:
        """Return the query's parameters and those of a form body, in this order."""
        form = (self.header("content-type") or "").startswith("application/x-www-form-urlencoded")
        body = self.body.decode("utf-8", "replace") if form else ""
        return [*parse_qsl(self.url.query, keep_blank_values=True), *parse_qsl(body, keep_blank_values=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer. `seconds_per_byte` sends the body slowly, byte by byte, to test timeouts.

    `length_bytes` is the length that an answer to HEAD states.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    seconds_per_byte: float = 0.0
    length_bytes: int | None = None


class Silence(Enum):
    """No answer: the connection stays open until one side gives up, or is closed at once."""

    HANG = auto()
    DROP = auto()


type Handle = Callable[[Request], Answer | Silence]


class PortBusy(Exception):
    """The requested port is taken."""


def listen(port: int) -> socket.socket:
    """Return a listening socket on loopback; port 0 takes a free one.

    Raises:
        PortBusy: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortBusy(f"cannot listen on {HOST}:{port}: {error.strerror}") from error
    return listener


class Server:
    """Serves in threads until `close`, which also closes the open connections; bodies are held in memory.

    `listener` is an open listening socket, which the server takes over; without it, the server listens on `port`.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        listener: socket.socket | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._server = _ThreadingServer(handle, tls, listener or listen(port), max_body_bytes)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._serve, name="loopback", daemon=True)
        self._thread.start()

    def accepted_connections(self) -> int:
        """Return how many connections clients have opened so far."""
        return self._server.accepted

    @property
    def stopping(self) -> threading.Event:
        """Set when the server closes; deliberate delays wait on it."""
        return self._server.stopping

    def close(self) -> None:
        """Stop serving, close the connections, wait for the threads."""
        self._server.stopping.set()
        with socket.create_connection((HOST, self.port)):  # which ends its wait
            self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def _serve(self) -> None:
        while not self._server.stopping.is_set():
            self._server.handle_request()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


type _SocketOrDatagram = socket.socket | tuple[bytes, socket.socket]


class _ThreadingServer(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them, and no socket outlives a test
    block_on_close = True

    def __init__(
        self, handle: Handle, tls: ssl.SSLContext | None, listener: socket.socket, max_body_bytes: int
    ) -> None:
        super().__init__(listener.getsockname(), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name = "localhost"
        self.server_port = listener.getsockname()[1]
        self.handle = handle
        self.max_body_bytes = max_body_bytes
        self.stopping = threading.Event()
        self._tls = tls
        self.accepted, self._open = 0, set[socket.socket]()
        self._lock = threading.Lock()

    @override
    def finish_request(self, request: _SocketOrDatagram, client_address: object) -> None:
        if not isinstance(request, socket.socket):
            raise TypeError("expected a stream, found a datagram")
        # The handshake runs in the connection's thread, so that a client that stalls in it does not block the others.
        wrapped = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) if self._tls else None
        connection = wrapped or request
        with self._lock:
            self.accepted += 1
            self._open.add(connection)
        try:
            if self.stopping.is_set():
                return
            if wrapped:
                wrapped.do_handshake()
            _Connection(connection, client_address, self)
        finally:
            with self._lock:
                self._open.discard(connection)
            if wrapped:
                wrapped.close()

    @override
    def handle_error(self, request: _SocketOrDatagram, client_address: object) -> None:
        # Many tests have a client that disconnects or does not trust our certificate.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # already gone


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _ThreadingServer

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        request = Request(
            method=self.command,
            target=self.requestline.split()[1],  # self.path has lost a leading slash where there are two
            headers=tuple(self.headers.items()),
            body=body,
            peer=str(self.client_address[0]),
        )
        try:
            answer = self.server.handle(request)
        except Exception:  # noqa: BLE001 - must be visible, and not hang the client
            traceback.print_exc()
            answer = Answer(status=500, body=b"internal error of the sandbox; see its standard error\n")
        self._write(answer)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Serve every method; the handler decides which ones a path accepts."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _read_body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > self.server.max_body_bytes:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        return self.rfile.read(int(length))

    def _read_chunks(self) -> bytes | None:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                self._refuse(HTTPStatus.BAD_REQUEST)
                return None
            body += self.rfile.read(size)
            self.rfile.readline(64)
            if size == 0:
                return bytes(body)
            if len(body) > self.server.max_body_bytes:
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                return None

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # the unread body would be read as the next request
        self._write(Answer(status=status, headers=(("connection", "close"),)))

    def _write(self, answer: Answer | Silence) -> None:
        match answer:
            case Silence.HANG:
                self.server.stopping.wait()
                self.close_connection = True
            case Silence.DROP:
                self.close_connection = True
            case Answer():
                self._write_answer(answer)

    def _write_answer(self, answer: Answer) -> None:
        phrase = HTTPStatus(answer.status).phrase if answer.status in HTTPStatus else ""
        lines = [f"HTTP/1.1 {answer.status} {phrase}", f"date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        length_bytes = len(answer.body) if answer.length_bytes is None else answer.length_bytes
        lines += [f"content-length: {length_bytes}", "", ""]
        head = "\r\n".join(lines).encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        if not answer.seconds_per_byte:
            self.wfile.write(head + body)  # one packet, since a second one would wait for an acknowledgement
            return
        self.wfile.write(head)
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.stopping.wait(answer.seconds_per_byte):
                return

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing; the servers count requests themselves."""

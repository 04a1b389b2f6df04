"""Servers in front of the service when things go wrong: a TLS server that throttles, resets, cuts and drips."""

import base64
import http.client
import json
import secrets
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, NoReturn
from urllib.parse import parse_qs, urlsplit

from sandbox.loopback import HOST as LOOPBACK
from sandbox.loopback import Answer, Handle, Request
from tests.tls_server import Connection, tls_server

HOST: Final = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
REASON: Final = "no-matching-grant"
REFUSAL: Final = json.dumps({"reason": REASON, "error_description": "of the front door"}).encode()
STALE: Final = b'{"reason": "of-an-earlier-answer"}'
_REQUEST_BYTES: Final = 65_536
# Closing with this option set sends a reset in the place of an orderly end.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What the door does at each try of a job; the last for every further one.

    `logs_in` tells whether the job has its login in the end, `curl` what makes curl give up soon where it has none.
    """

    tries: tuple[Callable[["Door", Connection, bytes], None], ...]
    logs_in: bool = False
    curl: str = "--retry-max-time 1"


class Door:
    """Answers `/FAULT/JOB/v1/token` as that fault says, with a login that is in no registry."""

    def __init__(self) -> None:
        self.url = ""
        self.password = "eyJwYXlsb2FkIjoi" + secrets.token_urlsafe(900)
        self.busy = threading.Event()
        self._tries: Counter[str] = Counter()
        self._lock = threading.Lock()

    def login(self, format_name: str) -> bytes:
        """Return the body of a granted answer."""
        auth = base64.b64encode(f"AWS:{self.password}".encode()).decode()
        names = {"REGISTRY": HOST, "REGISTRY_USERNAME": "AWS", "REGISTRY_PASSWORD": self.password}
        bodies = {
            "password": self.password,
            "docker-config": json.dumps({"auths": {HOST: {"auth": auth}}}),
            "shell": "".join(f"export {name}='{value}'\n" for name, value in names.items()),
            "credential-helper": json.dumps({"ServerURL": HOST, "Username": "AWS", "Secret": self.password}),
        }
        return bodies[format_name].encode()

    def shows_in(self, text: str) -> bool:
        """Return whether `text` holds a part of the login, as it is or as docker's configuration has it."""
        encoded = base64.b64encode(f"AWS:{self.password}".encode()).decode()
        return self.password[:40] in text or encoded[:40] in text

    def tries(self, job: str) -> int:
        """Return how often this job has asked."""
        return self._tries[job]

    def serve(self, connection: Connection) -> None:
        """Answer one connection, as its path says."""
        head = connection.request()
        lines = head.split(b"\r\n")
        target = urlsplit(lines[0].split()[1].decode())
        length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < length:
            body += connection.tls.recv(_REQUEST_BYTES)
        fault, _, rest = target.path.removeprefix("/").partition("/")
        job = f"{fault}/{rest.partition('/')[0]}"
        if rest.partition("/")[2] != "v1/token":
            _send(connection, 404, b'{"reason": "not-found"}')
            return
        with self._lock:
            number = self._tries[job]
            self._tries[job] += 1
        doings = (FAULTS | BUSY)[fault].tries
        (format_name,) = parse_qs(target.query).get("format", ["json"])
        doings[min(number, len(doings) - 1)](self, connection, self.login(format_name))
        with suppress(OSError):
            connection.tls.unwrap()


def _send(connection: Connection, status: int, body: bytes, *headers: str, length: int | None = None) -> None:
    lines = [f"HTTP/1.1 {status} of the door", *headers, f"content-length: {len(body) if length is None else length}"]
    connection.tls.sendall("\r\n".join([*lines, "connection: close", "", ""]).encode() + body)


def _reset(connection: Connection) -> NoReturn:
    # The TLS socket took the plain one's place.
    connection.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.tls.close()
    raise ConnectionResetError("by the door")


def _grants(_: Door, connection: Connection, login: bytes) -> None:
    _send(connection, 200, login)


def _refuses(_: Door, connection: Connection, __: bytes) -> None:
    _send(connection, 403, REFUSAL)


def _says_later(status: int) -> Callable[[Door, Connection, bytes], None]:
    def say(_: Door, connection: Connection, __: bytes) -> None:
        _send(connection, status, STALE, "retry-after: 1")

    return say


def _is_down(_: Door, connection: Connection, __: bytes) -> None:
    # Without a body: what an earlier address sent must not be left in the output file.
    _send(connection, 503, b"")


def _resets(_: Door, connection: Connection, __: bytes) -> None:
    _reset(connection)


def _cuts(_: Door, connection: Connection, login: bytes) -> None:
    _send(connection, 200, login[:-3], length=len(login))


def _resets_late(_: Door, connection: Connection, login: bytes) -> None:
    _send(connection, 200, login[:-3], length=len(login))
    _reset(connection)


def _never_ends_its_chunks(_: Door, connection: Connection, login: bytes) -> None:
    head = b"HTTP/1.1 200 of the door\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    connection.tls.sendall(head + b"%x\r\n%s\r\n" % (len(login), login))


def _drips(door: Door, connection: Connection, login: bytes) -> None:
    _send(connection, 200, login[:-3], length=10 * len(login))
    door.busy.set()
    connection.repeat(connection.tls.sendall, b"A", every_seconds=0.05)


FAULTS: Final[dict[str, Fault]] = {
    "none": Fault((_grants,), logs_in=True, curl=""),
    "throttled-first": Fault((_says_later(429), _grants), logs_in=True, curl=""),
    "unavailable-first": Fault((_says_later(503), _grants), logs_in=True, curl=""),
    "reset-first": Fault((_resets, _grants), logs_in=True, curl=""),
    "cut-first": Fault((_cuts, _grants), logs_in=True, curl=""),
    "each-once": Fault(
        (_cuts, _resets, _says_later(429), _says_later(503), _grants), logs_in=True, curl="--retry-delay 1"
    ),
    "refused": Fault((_refuses,)),
    "refused-after-a-cut": Fault((_cuts, _refuses), curl=""),
    "gone-after-an-answer": Fault((_says_later(503), _resets)),
    "cut": Fault((_cuts,)),
    "reset-late": Fault((_resets_late,)),
    "chunks-without-an-end": Fault((_never_ends_its_chunks,)),
    "drips": Fault((_drips,), curl="--max-time 1 --retry-max-time 1"),
}

BUSY: Final[dict[str, Fault]] = {
    "throttled": Fault((_says_later(429),)),
    "down": Fault((_is_down,)),
}
"""What the door does at every try with a whole answer, after which a job may go to another door."""


@contextmanager
def front_door() -> Iterator[Door]:
    """Serve a door on loopback, with the certificate of the tests' authority."""
    door = Door()
    with tls_server(door.serve) as server:
        door.url = f"https://127.0.0.1:{server.port}"
        yield door


def forwarding(url: str) -> Handle:
    """Return what hands each request on to the service at `url`, for a server with TLS before it."""
    port = urlsplit(url).port

    def handle(request: Request) -> Answer:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        try:
            connection.request(request.method, request.target, body=request.body, headers=dict(request.headers))
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name not in ("content-length", "date")]
            return Answer(status=answer.status, headers=tuple(kept), body=answer.read())
        finally:
            connection.close()

    return handle

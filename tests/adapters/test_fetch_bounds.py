import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from tests.tls_server import UNTIL_CLOSE, Connection, Script, answering, authority, chunked, tls_server, whole
from token_exchange.adapters.fetch import Address, HttpsFetcher, Resolve, system_resolve
from token_exchange.adapters.settings import SystemClock
from token_exchange.issuer_keys.origins import FetchFailed

BODY = b'{"keys":[]}'
SHORT_SECONDS = 0.2
"""For servers that will never answer."""


def fetch(url: str, *, timeout_seconds: float = SHORT_SECONDS, resolve: Resolve = system_resolve) -> bytes:
    fetcher = HttpsFetcher(clock=SystemClock(), resolve=resolve)
    return fetcher.fetch(url, ca_bundle=authority().bundle, timeout_seconds=timeout_seconds, max_bytes=1000)


def hang_in_tls(connection: Connection) -> None:
    connection.hang()


def drip_in_tls(connection: Connection) -> None:
    # The head of a handshake record that announces much more than ever comes.
    connection.plain.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    connection.repeat(connection.plain.sendall, b"\x00", every_seconds=0.02)


def hang_before_the_answer(connection: Connection) -> None:
    connection.request()
    connection.hang()


def hang_in_the_body(connection: Connection) -> None:
    connection.request()
    connection.tls.sendall(whole(BODY)[:-1])
    connection.hang()


def hang_without_an_end(connection: Connection) -> None:
    connection.request()
    connection.tls.sendall(UNTIL_CLOSE + BODY)
    connection.hang()


def drip(head: bytes, octets: bytes) -> Script:
    def script(connection: Connection) -> None:
        connection.request()
        connection.tls.sendall(head)
        connection.repeat(connection.tls.sendall, octets, every_seconds=0.02)

    return script


@contextmanager
def swallowing_address() -> Iterator[tuple[str, int]]:
    """Yield an address on which attempts get no answer: on Linux, a listener whose queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        for _ in range(3):
            queued = stack.enter_context(socket.socket())
            queued.settimeout(0)
            queued.connect_ex((host, port))
        yield host, port


# Before 3.13, `ssl` leaves its socket open when the name is wrong: its collection closes it, with a warning.
_LEFT_OPEN_BY_SSL = pytest.mark.filterwarnings(
    "ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning" if sys.version_info < (3, 13) else "error"
)


class TestTime:
    @pytest.mark.parametrize(
        "script",
        [
            hang_in_tls,
            drip_in_tls,
            hang_before_the_answer,
            hang_in_the_body,
            hang_without_an_end,
            pytest.param(drip(b"", b"H"), id="status line"),
            pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"A"), id="one header"),
            pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), id="headers"),
            pytest.param(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="interim answers"),
            pytest.param(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"k"), id="body"),
            pytest.param(drip(UNTIL_CLOSE, b"k"), id="body without a length"),
            pytest.param(drip(chunked()[:-5], b"1\r\nk\r\n"), id="chunks"),
            pytest.param(drip(chunked()[:-5], b"1"), id="chunk size"),
            pytest.param(drip(chunked()[:-2], b"A: b\r\n"), id="trailers"),
        ],
    )
    def test_a_server_that_never_ends(self, script: Script) -> None:
        with tls_server(script) as server:
            started = time.monotonic()
            with pytest.raises(FetchFailed, match=r"(?i)time"):
                fetch(server.url())
            assert time.monotonic() - started < SHORT_SECONDS + 1

    def test_a_name_that_is_never_found(self) -> None:
        over = threading.Event()

        def resolve(_host: str, _port: int) -> Sequence[Address]:
            over.wait(30)
            return []

        with tls_server(answering(whole(BODY))) as server:
            with pytest.raises(FetchFailed, match="looking up the name took too long"):
                fetch(server.url(), resolve=resolve)
            assert server.connections == 0
        over.set()

    def test_an_address_that_swallows_attempts(self) -> None:
        with swallowing_address() as (host, port), pytest.raises(FetchFailed, match=r"(?i)time"):
            fetch(f"https://{host}:{port}/")

    def test_a_silent_address_leaves_time_for_the_next(self) -> None:
        with swallowing_address() as swallowing, tls_server(answering(whole(BODY))) as server:

            def resolve(host: str, port: int) -> Sequence[Address]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", swallowing), *system_resolve(host, port)]

            assert fetch(server.url(), timeout_seconds=1, resolve=resolve) == BODY

    def test_no_time_at_all(self) -> None:
        with tls_server(answering(whole(BODY))) as server:
            with pytest.raises(FetchFailed, match="time for fetching ran out"):
                fetch(server.url(), timeout_seconds=0)
            assert server.connections == 0


class TestUnreachable:
    def test_a_closed_port_is_a_failure(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(FetchFailed, match="refused"):
            fetch(f"https://127.0.0.1:{port}/", timeout_seconds=5)

    def test_a_name_without_an_address(self) -> None:
        with pytest.raises(FetchFailed, match="no address"):
            fetch("https://ci.acme.example/", timeout_seconds=5, resolve=lambda _host, _port: [])

    def test_a_name_that_does_not_exist(self) -> None:
        def resolve(_host: str, _port: int) -> Sequence[Address]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        with pytest.raises(FetchFailed, match="the name was not found"):
            fetch("https://ci.acme.example/", timeout_seconds=5, resolve=resolve)

    @_LEFT_OPEN_BY_SSL
    def test_a_name_that_tls_cannot_carry(self) -> None:
        with tls_server(answering(whole(BODY))) as server:

            def resolve(_host: str, port: int) -> Sequence[Address]:
                return system_resolve("localhost", port)

            with pytest.raises(FetchFailed, match=r"label empty|server_hostname"):
                fetch(server.url(host=".localhost"), timeout_seconds=5, resolve=resolve)

import socket
import threading

import pytest

from sandbox.loopback import HOST, MAX_BODY_BYTES, Answer, PortBusy, Request, Server, Silence, listen

from .wire import send


def _echo(request: Request) -> Answer:
    lines = [request.method, request.target, *(f"{name}={value}" for name, value in request.parameters())]
    return Answer(headers=(("x-seen", request.header("x-mark") or "none"),), body="\n".join(lines).encode())


def test_a_request_arrives_as_it_was_sent() -> None:
    with Server(_echo) as server:
        answer = send(
            f"http://{HOST}:{server.port}//double/../path?a=1&a=2",
            method="POST",
            body=b"b=3",
            headers=[
                ("X-Mark", "one"),
                ("x-mark", "two"),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ],
        )
    assert answer.body.decode().splitlines() == ["POST", "//double/../path?a=1&a=2", "a=1", "a=2", "b=3"]
    assert answer.headers["x-seen"] == "one,two"


def _talk(port: int, text: bytes) -> bytes:
    with socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(text)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_a_chunked_body_is_joined() -> None:
    with Server(lambda request: Answer(body=request.body)) as server:
        answer = _talk(
            server.port,
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        )
    assert answer.endswith(b"\r\n\r\nabcde")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (f"Content-Length: {MAX_BODY_BYTES + 1}", b"413"),
        ("Content-Length: -1", b"413"),
        ("Transfer-Encoding: chunked\r\n\r\nnot a size", b"400"),
    ],
)
def test_a_body_that_cannot_be_read_ends_the_connection(headers: str, status: bytes) -> None:
    with Server(_echo) as server:
        answer = _talk(server.port, f"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 " + status)


def test_connections_are_reused_and_closed_with_the_server() -> None:
    server = Server(_echo)
    with socket.create_connection((HOST, server.port), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        server.close()
        assert connection.recv(65536) == b""


def test_closing_ends_a_hanging_request() -> None:
    arrived = threading.Event()

    def hang(_: Request) -> Silence:
        arrived.set()
        return Silence.HANG

    server = Server(hang)
    with socket.create_connection((HOST, server.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert arrived.wait(5)
        server.close()
        assert connection.recv(65536) == b""


def test_an_error_of_the_handler_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Request) -> Answer:
        raise LookupError("a fault of the sandbox")

    with Server(fail) as server:
        assert send(f"http://{HOST}:{server.port}/").status == 500
    assert "a fault of the sandbox" in capsys.readouterr().err


def test_a_busy_port_is_named() -> None:
    with listen(0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortBusy, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            listen(port)

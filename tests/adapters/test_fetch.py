import gzip
import socket
import ssl
from collections.abc import Sequence

import pytest

from tests.tls_server import (
    UNTIL_CLOSE,
    Authority,
    Connection,
    TlsServer,
    answering,
    authority,
    chunked,
    tls_server,
    whole,
)
from token_exchange import __version__
from token_exchange.adapters.fetch import Address, HttpsFetcher, system_resolve, tls_context
from token_exchange.adapters.settings import SystemClock
from token_exchange.issuer_keys.origins import Fetcher, FetchFailed

BODY = b'{"keys":[]}'
PATIENT_SECONDS = 20.0
"""For answers that must be refused for themselves, not for being slow."""
FETCHER: Fetcher = HttpsFetcher(clock=SystemClock())


def fetch(
    server: TlsServer,
    path: str = "/keys",
    *,
    host: str = "localhost",
    timeout_seconds: float = PATIENT_SECONDS,
    max_bytes: int = 1000,
    fetcher: Fetcher = FETCHER,
) -> bytes:
    return fetcher.fetch(
        server.url(path, host=host),
        ca_bundle=authority().bundle,
        timeout_seconds=timeout_seconds,
        max_bytes=max_bytes,
    )


class TestGoodAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            whole(BODY),
            whole(BODY, b"Content-Encoding: identity", b"Content-Type: application/jwk-set+json"),
            whole(BODY, b"Connection: keep-alive"),
            chunked(BODY[:3], BODY[3:]),
            UNTIL_CLOSE + BODY,
            b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
            b"HTTP/1.1 100 Continue\r\n\r\n" + whole(BODY),
        ],
    )
    def test_the_body_is_returned(self, answer: bytes) -> None:
        with tls_server(answering(answer)) as server:
            assert fetch(server) == BODY

    def test_an_answer_of_a_known_length_needs_no_farewell(self) -> None:
        with tls_server(answering(whole(BODY), farewell=False)) as server:
            assert fetch(server) == BODY

    @pytest.mark.parametrize("answer", [whole(b"k" * 1000), chunked(b"k" * 1000), UNTIL_CLOSE + b"k" * 1000])
    def test_a_body_of_the_maximum_length_is_accepted(self, answer: bytes) -> None:
        with tls_server(answering(answer)) as server:
            assert fetch(server) == b"k" * 1000

    def test_the_request_line_and_headers(self) -> None:
        heads: list[bytes] = []

        def script(connection: Connection) -> None:
            heads.append(connection.request())
            connection.tls.sendall(whole(BODY))

        with tls_server(script) as server:
            fetch(server, "/a/keys?v=1&b=%20")
            fetch(server, "")
            fetch(server, host="127.0.0.1")
        first, second, third = (head.decode().split("\r\n") for head in heads)
        assert first[0] == "GET /a/keys?v=1&b=%20 HTTP/1.1"
        assert set(first[1:]) == {
            f"Host: localhost:{server.port}",
            "Accept: application/json",
            "Accept-Encoding: identity",
            f"User-Agent: ecr-token-exchange/{__version__}",
            "Connection: close",
            "",
        }
        assert second[0] == "GET / HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}" in third

    def test_no_proxy_is_taken_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with tls_server(answering(whole(BODY))) as server:
            assert fetch(server) == BODY

    def test_an_address_that_does_not_answer_is_passed_over(self) -> None:
        with tls_server(answering(whole(BODY))) as server, socket.create_server(("127.0.0.1", 0)) as other:
            dead = other.getsockname()
            other.close()

            def resolve(host: str, port: int) -> Sequence[Address]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", dead), *system_resolve(host, port)]

            assert fetch(server, fetcher=HttpsFetcher(clock=SystemClock(), resolve=resolve)) == BODY


class TestBadAnswers:
    @pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 404, 429, 500])
    def test_another_status_is_refused_and_nothing_followed(self, status: int) -> None:
        answer = whole(BODY, b"Location: /elsewhere").replace(b"200 OK", b"%d X" % status)
        with tls_server(answering(answer)) as server:
            with pytest.raises(FetchFailed, match=f"status {status}, expected 200"):
                fetch(server)
            assert server.connections == 1

    @pytest.mark.parametrize("status", [101, 103, 199])
    def test_an_interim_status_is_refused(self, status: int) -> None:
        with (
            tls_server(answering(b"HTTP/1.1 %d X\r\n\r\n" % status)) as server,
            pytest.raises(FetchFailed, match=f"status {status}"),
        ):
            fetch(server)

    @pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b"br", b"x-unknown", b"identity, gzip", b""])
    def test_compression_is_refused(self, encoding: bytes) -> None:
        with (
            tls_server(answering(whole(gzip.compress(BODY), b"Content-Encoding: " + encoding))) as server,
            pytest.raises(FetchFailed, match="compressed"),
        ):
            fetch(server)

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (whole(b"k" * 1001), "Content-Length 1001, expected at most 1000"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "Content-Length 99999999999"),
            (chunked(b"k" * 1001), "more than 1000 bytes"),
            (chunked(*[b"k"] * 1001), "more than 1000 bytes"),
            (UNTIL_CLOSE + b"k" * 1001, "more than 1000 bytes"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + b"k" * 1001, "more than 1000 bytes"),
            # everything but the body has a bound as well
            (b"HTTP/1.1 200 OK\r\n" + b"A: " + b"a" * 66_000, "headers and body exceed|LineTooLong"),
            (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n", "more than 100 headers"),
            (b"HTTP/1.1 200 OK\r\n" + (b"A: " + b"a" * 9000 + b"\r\n") * 20, "headers and body exceed"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 9000, "headers and body exceed"),
            (chunked(b"k")[:-2] + b"A: b\r\n" * 20_000, "headers and body exceed"),
            (
                chunked(b"k").replace(b"1\r\n", b"1;" + b"x" * 70_000 + b"\r\n"),
                "headers and body exceed|LineTooLong",
            ),
            # a chunk of less than nothing, which http.client takes for all there is
            (chunked().replace(b"0\r\n\r\n", b"-1\r\n") + b"k" * 1001, "."),
        ],
    )
    def test_too_long(self, answer: bytes, why: str) -> None:
        with tls_server(answering(answer)) as server, pytest.raises(FetchFailed, match=why):
            fetch(server)

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
            chunked(BODY)[:-6],
            chunked(BODY)[:-20],
        ],
    )
    @pytest.mark.parametrize("farewell", [True, False])
    def test_cut_off(self, answer: bytes, farewell: bool) -> None:  # noqa: FBT001 - a table
        with tls_server(answering(answer, farewell=farewell)) as server, pytest.raises(FetchFailed):
            fetch(server)

    def test_a_body_ended_by_the_connection_needs_close_notify(self) -> None:
        # Anybody on the way can close a connection; only the server can say goodbye.
        with (
            tls_server(answering(UNTIL_CLOSE + BODY, farewell=False)) as server,
            pytest.raises(FetchFailed, match="EOF"),
        ):
            fetch(server)

    @pytest.mark.parametrize(
        "answer",
        [
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"\x00" * 100,
            b"HTTP/1.1 99 X\r\n\r\n",
        ],
    )
    def test_not_http(self, answer: bytes) -> None:
        with tls_server(answering(answer)) as server, pytest.raises(FetchFailed):
            fetch(server)


class TestTrust:
    def test_a_certificate_for_another_name(self) -> None:
        context = authority().server_context("ci.acme.example")
        with (
            tls_server(answering(whole(BODY)), context) as server,
            pytest.raises(FetchFailed, match="Hostname mismatch"),
        ):
            fetch(server)

    def test_a_certificate_for_a_name_where_the_url_has_an_address(self) -> None:
        context = authority().server_context("localhost")
        with (
            tls_server(answering(whole(BODY)), context) as server,
            pytest.raises(FetchFailed, match="IP address mismatch"),
        ):
            fetch(server, host="127.0.0.1")

    def test_a_certificate_of_another_authority(self) -> None:
        context = Authority().server_context("localhost")
        with (
            tls_server(answering(whole(BODY)), context) as server,
            pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            fetch(server)

    def test_a_certificate_of_the_past(self) -> None:
        context = authority().server_context("localhost", days=-1)
        with tls_server(answering(whole(BODY)), context) as server, pytest.raises(FetchFailed, match="expired"):
            fetch(server)

    @pytest.mark.parametrize(
        "bundle", [None, Authority().bundle, "", " ", "no certificate", "-----BEGIN CERTIFICATE-----"]
    )
    def test_without_the_right_bundle(self, bundle: str | None) -> None:
        heads: list[bytes] = []
        with tls_server(lambda connection: heads.append(connection.request())) as server, pytest.raises(FetchFailed):
            FETCHER.fetch(server.url(), ca_bundle=bundle, timeout_seconds=PATIENT_SECONDS, max_bytes=1000)
        assert heads == []

    def test_a_bundle_takes_the_place_of_the_systems_certificates(self) -> None:
        context = tls_context(authority().bundle)
        assert len(context.get_ca_certs()) == 1

    @pytest.mark.parametrize("bundle", [None, authority().bundle])
    def test_contexts_are_strict_and_made_once(self, bundle: str | None) -> None:
        context = tls_context(bundle)
        assert context is tls_context(bundle)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname

    def test_a_plain_server(self) -> None:
        def script(connection: Connection) -> None:
            connection.plain.sendall(whole(BODY))

        with tls_server(script) as server, pytest.raises(FetchFailed, match="SSL"):
            fetch(server)


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:{}/keys",
            "ftp://localhost:{}/keys",
            "//localhost:{}/keys",
            "file:///etc/passwd",
            "https://user@localhost:{}/keys",
            "https://user:secret@localhost:{}/keys",
            "https://@localhost:{}/keys",
            "https://:{}/keys",
            "https://localhost:{}0000/keys",
            "https://localhost:{}/ke ys",
            "https://localhost:{}/keys\r\nX: y",
            "https://localhost:{}\n/keys",
            "https://localhost:{}/k\u0435ys",
            "https://[::1:{}/keys",
            "https://" + "a" * 70 + ":{}/keys",
            "https://a..b:{}/keys",
            "",
        ],
    )
    def test_a_url_that_is_not_https_to_a_host_is_not_fetched(self, url: str) -> None:
        with tls_server(answering(whole(BODY))) as server:
            with pytest.raises(FetchFailed):
                FETCHER.fetch(
                    url.format(server.port),
                    ca_bundle=authority().bundle,
                    timeout_seconds=PATIENT_SECONDS,
                    max_bytes=1000,
                )
            assert server.connections == 0

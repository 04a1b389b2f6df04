"""Sends one request to the service at a time: over verified TLS, or in the clear to this machine only.

No proxy is used and no redirect is followed. Everything is bounded in size and time.
"""

import http.client
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from token_exchange import __version__
from token_exchange.adapters.fetch import Address, BoundedTlsSocket, connect_tls, system_resolve, tls_context
from token_exchange.core.ports import Clock, Deadline
from token_exchange_cli.values import BadValue, check_exchange, refuse_endpoint

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})
_TIMEOUT_SECONDS: Final = 15.0
"""A cold start takes a second or two, and a gateway waits for 29."""

_MAX_BODY_BYTES: Final = 1024 * 1024
_MAX_HEADER_BYTES: Final = 64 * 1024
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUrl:
    """The service's address; `path` is the part before `/v1`, without a trailing slash."""

    is_tls: bool
    host: str
    port: int
    path: str
    text: str


def service_url(text: str) -> ServiceUrl:
    """Return the address in `text`.

    Raises:
        BadValue: it is none, or would send a token in the clear to another machine.
    """
    found = _URL.fullmatch(text)
    is_tls = found is None or found["scheme"] == "https"
    if found is None:
        local = _URL.fullmatch(f"http://{text}")
        if local is not None and local["host"] in _LOOPBACK:
            raise BadValue(f"expected http:// or https://; for a service on this machine write http://{text}")
        check_exchange(text)
        raise BadValue("expected an address with a port of at least 1 and a path without //")
    refuse_endpoint(text)
    if not is_tls and found["host"] not in _LOOPBACK:
        raise BadValue("expected https://: only a service on this machine may be used without TLS")
    port = int(found["port"] or (443 if is_tls else 80))
    if port > _MAX_PORT:
        raise BadValue(f"expected a port up to {_MAX_PORT}, found {port}")
    return ServiceUrl(is_tls=is_tls, host=found["host"], port=port, path=found["path"], text=text.rstrip("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the service: `headers` by their names in lower case, and when it was sent and received."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    sent_at: float
    received_at: float


class NoReply(Exception):
    """There was no answer; the text says why."""


class Connection:
    """Asks the service at `url`; `ca_bundle` is PEM, in the place of the system's authorities."""

    def __init__(self, url: ServiceUrl, *, ca_bundle: str | None, clock: Clock) -> None:
        self.url = url
        self._ca_bundle = ca_bundle
        self._clock = clock
        self._addresses: Sequence[Address] = ()

    def look_up(self) -> list[str]:
        """Return the addresses of the host, which later requests then use.

        Raises:
            OSError: there is none.
        """
        self._addresses = system_resolve(self.url.host, self.url.port)
        return sorted({str(address[-1][0]) for address in self._addresses})

    def certificate_end(self) -> float:
        """Return the end of the certificate, in seconds since the epoch, after a verified handshake.

        Raises:
            ssl.SSLCertVerificationError: the certificate is not one for this host, or not one that is trusted.
            OSError: there is no connection, or no TLS.
        """
        with self._tls(self._deadline()) as tls:
            certificate = tls.getpeercert() or {}
        return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))

    def connect(self) -> None:
        """Open and close a connection without TLS.

        Raises:
            OSError: nothing listens there.
        """
        socket.create_connection((self.url.host, self.url.port), timeout=_TIMEOUT_SECONDS).close()

    def ask(self, method: str, target: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Return the answer to a request for `target`, which is relative to the service's path.

        Raises:
            NoReply: there is none, or one that is too long.
        """
        sent_at = self._clock.now()
        try:
            if self.url.is_tls:
                deadline = self._deadline()
                context = tls_context(self._ca_bundle)
                with self._tls(deadline) as tls:
                    connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                        self.url.host, self.url.port, context=context
                    )
                    bounded = BoundedTlsSocket(tls, deadline=deadline, max_bytes=_MAX_BODY_BYTES + _MAX_HEADER_BYTES)
                    connection.sock = bounded
                    return self._exchange(connection, method, target, headers or {}, sent_at)
            connection = http.client.HTTPConnection(self.url.host, self.url.port, timeout=_TIMEOUT_SECONDS)
            return self._exchange(connection, method, target, headers or {}, sent_at)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Its text may have what the other side sent, which is shown escaped.
            raise NoReply(f"{type(error).__name__}: {error}") from error

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        sent_at: float,
    ) -> Reply:
        try:
            connection.putrequest(method, f"{self.url.path}{target}", skip_accept_encoding=True)
            for name, value in {"Accept": "application/json", "User-Agent": _USER_AGENT, **headers}.items():
                connection.putheader(name, value)
            connection.putheader("Connection", "close")
            if method == "POST":
                connection.putheader("Content-Length", "0")
            connection.endheaders()
            with connection.getresponse() as response:
                body = response.read(_MAX_BODY_BYTES + 1)
                found = {name.lower(): value for name, value in response.getheaders()}
            if len(body) > _MAX_BODY_BYTES:
                raise ValueError(f"an answer of more than {_MAX_BODY_BYTES} bytes")
            return Reply(
                status=response.status, headers=found, body=body, sent_at=sent_at, received_at=self._clock.now()
            )
        finally:
            connection.close()

    def _tls(self, deadline: Deadline) -> ssl.SSLSocket:
        return connect_tls(
            self.url.host,
            self.url.port,
            context=tls_context(self._ca_bundle),
            resolve=lambda host, port: self._addresses or system_resolve(host, port),
            deadline=deadline,
        )

    def _deadline(self) -> Deadline:
        return Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + _TIMEOUT_SECONDS)


_USER_AGENT: Final = f"token-exchange-doctor/{__version__}"

"""The sandbox's certificate authority, and a server certificate for the loopback names."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import trustme
from cryptography import x509

from sandbox.clocks import WALL_CLOCK, Now
from sandbox.state import make_folder, write_private

LIFETIME: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The paths of the authority's certificate and the server's chain and key."""

    authority: Path
    server: Path
    server_key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS context of the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server, self.server_key)
        return context


def load_certificates(folder: Path, *, now: Now = WALL_CLOCK) -> Certificates:
    """Return the certificates in `folder`; create them if there are none or they expire within a week."""
    paths = Certificates(
        authority=folder / "ca.pem", server=folder / "server.pem", server_key=folder / "server.key.pem"
    )
    at = datetime.fromtimestamp(now(), UTC)
    if not _usable(paths, at):
        make_folder(folder)
        _issue(paths, at)
    return paths


def _usable(paths: Certificates, at: datetime) -> bool:
    if not (paths.authority.exists() and paths.server.exists() and paths.server_key.exists()):
        return False
    for path in (paths.authority, paths.server):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        if not certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc - RENEW_BEFORE:
            return False
    return True


def _issue(paths: Certificates, at: datetime) -> None:
    # The authority's key signs this one certificate and is not kept: no one can steal it and use it against a browser
    # that trusts this authority.
    authority = trustme.CA(organization_name="token exchange sandbox")
    server = authority.issue_cert(
        "localhost", "127.0.0.1", "::1", not_before=at - timedelta(hours=1), not_after=at + LIFETIME
    )
    write_private(paths.server_key, server.private_key_pem.bytes())
    write_private(paths.server, b"".join(blob.bytes() for blob in server.cert_chain_pems))
    write_private(paths.authority, authority.cert_pem.bytes())

"""A certificate authority of the sandbox's own, and a server certificate for this machine's loopback names."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.clocks import WALL_CLOCK, Now
from sandbox.state import make_folder, write_private

LIFETIME: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Where the authority's certificate and the server's chain and key lie."""

    authority: Path
    server: Path
    server_key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return the server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server, self.server_key)
        return context


def load_certificates(folder: Path, *, now: Now = WALL_CLOCK) -> Certificates:
    """Return the certificates in `folder`, made anew when there are none or they end within a week."""
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
    # The authority's key signs this one certificate and is then forgotten: a key that is not there cannot be stolen
    # and used against a browser that somebody taught to trust this authority.
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "token exchange sandbox CA")])
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _builder(at)
        .subject_name(authority_name)
        .issuer_name(authority_name)
        .public_key(authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    server = (
        _builder(at)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(authority_name)
        .public_key(server_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(server_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_private(paths.server_key, server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_private(paths.server, server.public_bytes(Encoding.PEM))
    write_private(paths.authority, authority.public_bytes(Encoding.PEM))


def _builder(at: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + LIFETIME)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

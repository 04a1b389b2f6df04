import time
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from sandbox.certificates import LIFETIME, RENEW_BEFORE, load_certificates


def test_certificates_are_private_and_reused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = load_certificates(folder)
    content = first.server.read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert first.server_key.stat().st_mode & 0o777 == 0o600
    assert load_certificates(folder) == first
    assert first.server.read_bytes() == content


def test_certificates_are_renewed_a_week_before_they_end(tmp_path: Path) -> None:
    now = time.time()
    made = load_certificates(tmp_path, now=lambda: now)
    content = made.server.read_bytes()
    late = now + (LIFETIME - RENEW_BEFORE).total_seconds()
    load_certificates(tmp_path, now=lambda: late - 60)
    assert made.server.read_bytes() == content
    load_certificates(tmp_path, now=lambda: late + 60)
    renewed = x509.load_pem_x509_certificate(made.server.read_bytes())
    assert renewed.not_valid_after_utc.timestamp() - late > timedelta(days=89).total_seconds()


def test_the_authoritys_key_is_kept_nowhere(tmp_path: Path) -> None:
    load_certificates(tmp_path)
    keys = [path.name for path in tmp_path.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert keys == ["server.key.pem"]

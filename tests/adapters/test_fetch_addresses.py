import socket

import pytest

from token_exchange.adapters.fetch import Address, HttpsFetcher, Resolve, is_allowed_address
from token_exchange.adapters.settings import SystemClock
from token_exchange.issuer_keys.origins import FetchFailed


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("140.82.112.3", True),
        ("2606:50c0:8000::153", True),
        # A company's own CI system, and the sandbox.
        ("10.1.2.3", True),
        ("172.16.0.9", True),
        ("192.168.7.7", True),
        ("100.64.0.1", True),
        ("fd12:3456:789a::1", True),
        ("127.0.0.1", True),
        ("::1", True),
        # The credentials of a machine, of a container and of a function.
        ("169.254.169.254", False),
        ("169.254.170.2", False),
        ("169.254.79.129", False),
        ("fd00:ec2::254", False),
        ("fd00:ec2::23", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        # The same, spelled as IPv6.
        ("::ffff:169.254.169.254", False),
        ("::ffff:10.1.2.3", True),
        # No single machine, or this one.
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
    ],
)
def test_no_metadata_or_special_address_is_contacted(address: str, *, allowed: bool) -> None:
    assert is_allowed_address(address) is allowed


def resolving_to(*addresses: str) -> Resolve:
    def resolve(_host: str, port: int) -> list[Address]:
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    return resolve


def test_a_host_that_resolves_to_metadata_is_not_contacted() -> None:
    fetcher = HttpsFetcher(clock=SystemClock(), resolve=resolving_to("169.254.169.254", "fd00:ec2::254"))
    with pytest.raises(FetchFailed, match="addresses that are not allowed for issuers"):
        fetcher.fetch("https://ci.acme.example/keys", ca_bundle=None, timeout_seconds=1, max_bytes=100)

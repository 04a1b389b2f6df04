"""Addresses at which an issuer's documents are never fetched, whatever its name leads to.

The name of an issuer is the policy's, but where it leads is said by whoever runs its zone. Private networks stay open:
that is where a company's own CI system is. So does loopback, where nobody answers with a certificate for the name.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_INSTANCE_SERVICES: Final = IPv6Network("fd00:ec2::/32")
"""Instance metadata and its kind (EC2 User Guide, "Access instance metadata"); over IPv4 these are link-local."""


def may_be_an_issuers(address: str) -> bool:
    """Say whether an issuer may be asked at `address`, as `socket.getaddrinfo` spells it."""
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address):
        if found in _INSTANCE_SERVICES:
            return False
        found = found.ipv4_mapped or found
    # Link-local is where clouds keep the credentials of a machine; the unspecified address is this machine.
    return not (found.is_link_local or found.is_multicast or found.is_unspecified)

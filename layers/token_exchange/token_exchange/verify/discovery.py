"""OpenID Connect Discovery 1.0: where an issuer says its keys are, believed only within bounds."""

import re
from typing import Final

from token_exchange.quoting import quoted
from token_exchange.verify.strict_json import NotStrictJson, parse_object

_HTTPS_URL: Final = re.compile(
    r"https://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:[/?][!$&-;=?-Z_a-z~%]*)?",
    re.IGNORECASE | re.ASCII,
)
"""RFC 3986 without user information, fragment, backslash or white space, on which URL readers disagree."""
_MAX_URL_CHARACTERS: Final = 2048


class UnusableDiscovery(ValueError):
    """A discovery document that says nothing we may follow; the text says why."""


def discovery_url(issuer: str) -> str:
    """Return where the document of `issuer` is (section 4.1): one slash at the issuer's end is dropped."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def read_jwks_uri(document: bytes, *, issuer: str, keys_host: str | None) -> str:
    """Return the key set's URL from a discovery document.

    The document's `issuer` must be the one that was asked (section 4.3), or one tenant of a host could speak
    for another. The URL must be HTTPS on `keys_host`, or where that is None on the issuer's own host and port:
    a document that was tampered with must not move the keys to a stranger's server.

    Raises:
        UnusableDiscovery: the document breaks one of these rules.
    """
    try:
        members = parse_object(document)
    except NotStrictJson as error:
        raise UnusableDiscovery(f"the discovery document is not strict JSON: {error}") from error
    if members.get("issuer") != issuer:
        raise UnusableDiscovery(f"the discovery document's issuer is not {quoted(issuer)}")
    jwks_uri = members.get("jwks_uri")
    if not isinstance(jwks_uri, str) or len(jwks_uri) > _MAX_URL_CHARACTERS:
        raise UnusableDiscovery("the discovery document has no jwks_uri")
    expected = _authority(issuer if keys_host is None else f"https://{keys_host}")
    found = _authority(jwks_uri)
    if found is None or found != expected:
        raise UnusableDiscovery(f"jwks_uri {quoted(jwks_uri)} is not on the host where this issuer's keys belong")
    return jwks_uri


def _authority(url: str) -> tuple[str, int] | None:
    """Return host and port of an HTTPS URL, or None for anything else."""
    parts = _HTTPS_URL.fullmatch(url)
    return None if parts is None else (parts["host"].lower(), int(parts["port"] or 443))

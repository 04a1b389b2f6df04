"""The forms that an issuer's URL is made of."""

import re
from typing import Final

from token_exchange.ports import Json
from token_exchange.providers.preset import BadSetting

_HOST: Final = re.compile(
    r"(?=[^:]{1,253}(?::|\Z))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::[1-9][0-9]{0,4})?",
    re.ASCII,
)
"""A host name of RFC 1123 section 2.1 in lower case, with a port where it has one."""

_SLUG: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)

_ISSUER: Final = re.compile(r"https://([^/?#@\s]+)((?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)", re.ASCII)
"""OpenID Connect Core section 2: https, a host, a path, and neither query nor fragment; and no user name."""


def host_setting(key: str, value: Json) -> str:
    """Return `value`, which is a host with or without a port.

    Raises:
        BadSetting: it is not one.
    """
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise BadSetting(key, "expected a host name in lower case, such as ci.example.com, without https://")
    return value


def slug_setting(key: str, value: Json) -> str:
    """Return `value`, which is one part of a path.

    Raises:
        BadSetting: it is not one.
    """
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise BadSetting(key, "expected a short name of letters, digits and ._-")
    return value


def issuer_host(issuer: str) -> str:
    """Return the host of an issuer URL, with its port where it has one.

    Raises:
        BadSetting: it is not an issuer's URL.
    """
    form = _ISSUER.fullmatch(issuer)
    if not form or not _HOST.fullmatch(form[1]):
        raise BadSetting("issuer", "expected https://HOST/PATH in lower case, without user, query or fragment")
    return form[1]

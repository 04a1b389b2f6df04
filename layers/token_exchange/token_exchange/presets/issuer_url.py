"""The forms that an issuer's URL is made of."""

import re
from collections.abc import Callable
from typing import Final

from token_exchange.core.identity import BadSetting, Settings
from token_exchange.core.ports import Json

_HOST: Final = re.compile(
    r"(?=[^:]{1,253}(?::|\Z))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::[1-9][0-9]{0,4})?",
    re.ASCII,
)
"""A host name of RFC 1123 section 2.1 in lower case, with a port where it has one."""

_SLUG: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""RFC 9562 section 4, in the lower case in which issuers have it."""

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


def label_setting(key: str, value: Json) -> str:
    """Return `value`, which is one part of a host's name.

    Raises:
        BadSetting: it is not one.
    """
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise BadSetting(key, "expected the first part of a host name: lower-case letters, digits and -")
    return value


def uuid_setting(key: str, value: Json) -> str:
    """Return `value`, which is a UUID as issuers spell it.

    Raises:
        BadSetting: it is not one.
    """
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise BadSetting(key, "expected a UUID in lower case, without braces")
    return value


def server_setting(key: str, value: Json) -> str:
    """Return `value`, which is a host, with the path below which a server lies where it has one.

    Raises:
        BadSetting: it is not one.
    """
    if not isinstance(value, str):
        raise BadSetting(key, "expected a host name")
    host, slash, path = value.partition("/")
    if slash and not all(_SLUG.fullmatch(part) for part in path.split("/")):
        raise BadSetting(key, "expected a host name in lower case, such as ci.example.com or example.com/ci")
    host_setting(key, host)
    return value


def fixed_issuer(issuer: str | None, only: str) -> str:
    """Return `only`, the one issuer that a provider has.

    Raises:
        BadSetting: the entry names another.
    """
    if issuer not in (None, only):
        raise BadSetting("issuer", f"expected {only}, the only one there is")
    return only


def tenant_of(
    settings: Settings, issuer: str | None, *, key: str, form: str, check: Callable[[str, Json], str]
) -> tuple[str, str]:
    """Return the tenant and the issuer's URL, by the entry's `key` or by its `issuer`.

    `form` is the URL with `{}` where the tenant stands; `check` returns a tenant that is one.

    Raises:
        BadSetting: neither is given, one is no such thing, or the two differ.
    """
    before, _, after = form.partition("{}")
    if key in settings:
        tenant = check(key, settings[key])
    elif issuer is None:
        raise BadSetting(key, f"missing; the issuer is {form.format(key.upper())}")
    elif not (issuer.startswith(before) and issuer.endswith(after)) or len(issuer) <= len(before) + len(after):
        raise BadSetting("issuer", f"expected {form.format(key.upper())}")
    else:
        tenant = check("issuer", issuer[len(before) : len(issuer) - len(after)])
    url = f"{before}{tenant}{after}"
    if issuer not in (None, url):
        raise BadSetting("issuer", f"expected {url}, or none beside {key}")
    return tenant, url


def issuer_host(issuer: str) -> str:
    """Return the host of an issuer URL, with its port where it has one.

    Raises:
        BadSetting: it is not an issuer's URL.
    """
    form = _ISSUER.fullmatch(issuer)
    if not form or not _HOST.fullmatch(form[1]):
        raise BadSetting("issuer", "expected https://HOST/PATH in lower case, without user, query or fragment")
    return form[1]

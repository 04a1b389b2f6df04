"""What a kind of CI system is in a policy: its name, its settings, and its issuer URL, which is built from them.

Each form is strict, because the URL is compared with `iss` byte for byte and decides where keys are fetched.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record, record
from token_exchange.core.sources import PartOfClaim
from token_exchange.core.vocabulary import UUID, string_at

type Settings = Mapping[str, Json]
"""The keys of an issuer entry that only its provider has, such as `host` or `enterprise`, as they were read."""


class BadSetting(ValueError):
    """A key of the provider has an invalid value; `key` is that key."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@record
class Provider:
    """One kind of CI system, as an issuer entry names it.

    `settings` are the keys that such an entry may have in addition to the common ones. `preset` returns the preset for
    these keys and the entry's `issuer`, if there is one, or raises `BadSetting`.
    """

    name: str
    settings: frozenset[str] = frozenset()
    preset: Callable[[Settings, str | None], Preset]


HOST: Final = re.compile(
    r"(?=[^:]{1,253}(?::|\Z))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
    r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?",
    re.ASCII,
)
"""A host name (RFC 1123 section 2.1) in lower case, with an optional port up to 65535."""

_SLUG: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

_ISSUER: Final = re.compile(r"https://([^/?#@\s]+)((?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)", re.ASCII)
"""OpenID Connect Core section 2: https, a host and a path, without query or fragment; and without user name."""


def host_setting(key: str, value: Json) -> str:
    """Return `value`, which must be a host with an optional port.

    Raises:
        BadSetting: it is not.
    """
    if not isinstance(value, str) or not HOST.fullmatch(value):
        raise BadSetting(key, "expected a host name in lower case, such as ci.example.com, without https://")
    return value


def slug_setting(key: str, value: Json) -> str:
    """Return `value`, which must be one segment of a path.

    Raises:
        BadSetting: it is not.
    """
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise BadSetting(key, "expected a short name of letters, digits and ._-")
    return value


def label_setting(key: str, value: Json) -> str:
    """Return `value`, which must be one label of a host name.

    Raises:
        BadSetting: it is not.
    """
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise BadSetting(key, "expected the first part of a host name: lower-case letters, digits and -")
    return value


def uuid_setting(key: str, value: Json) -> str:
    """Return `value`, which must be a UUID in lower case.

    Raises:
        BadSetting: it is not.
    """
    if not isinstance(value, str) or not re.fullmatch(UUID, value):
        raise BadSetting(key, "expected a UUID in lower case, without braces")
    return value


def server_setting(key: str, value: Json) -> str:
    """Return `value`, which must be a host with an optional path, below which the server is installed.

    Raises:
        BadSetting: it is not.
    """
    if not isinstance(value, str):
        raise BadSetting(key, "expected a host name")
    host, slash, path = value.partition("/")
    if slash and not all(_SLUG.fullmatch(part) for part in path.split("/")):
        raise BadSetting(key, "expected a host name in lower case, such as ci.example.com or example.com/ci")
    host_setting(key, host)
    return value


def fixed_issuer(issuer: str | None, expected: str) -> str:
    """Return `expected`, the only issuer of a provider.

    Raises:
        BadSetting: the entry has another issuer.
    """
    if issuer not in (None, expected):
        raise BadSetting("issuer", f"expected {expected}, the only issuer of this provider")
    return expected


def tenant_of(
    settings: Settings, issuer: str | None, *, key: str, form: str, check: Callable[[str, Json], str]
) -> tuple[str, str]:
    """Return the tenant and the issuer URL, from the entry's `key` or its `issuer`.

    `form` is the URL with `{}` in place of the tenant; `check` validates the tenant.

    Raises:
        BadSetting: neither is given, one is invalid, or the two differ.
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
        raise BadSetting("issuer", f"expected {url}, or no issuer in addition to {key}")
    return tenant, url


def issuer_host(issuer: str) -> str:
    """Return the host of an issuer URL, with its port if it has one.

    Raises:
        BadSetting: it is not an issuer URL.
    """
    form = _ISSUER.fullmatch(issuer)
    if not form or not HOST.fullmatch(form[1]):
        raise BadSetting("issuer", "expected https://HOST/PATH in lower case, without user, query or fragment")
    return form[1]


_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
"""The name of an owner, a group or a repository, as code hosts allow it."""


@positional_record
class RepositoryOfUrl(PartOfClaim):
    """A repository's `owner/name`, from its URL. The host is left out, so repositories on two hosts may be equal."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return `owner/name` of `[https://]HOST/OWNER/NAME[.git]`, or None for anything else."""
        address = (string_at(claims, self.path) or "").removeprefix("https://").removeprefix("http://")
        host, _, path = address.partition("/")
        repository = path.removesuffix("/").removesuffix(".git")
        names = repository.split("/")
        return repository if host and len(names) > 1 and all(map(_NAME.fullmatch, names)) else None

"""The URL of a job in its CI system, if the claims of its token determine it."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from token_exchange_cli.explain.callers import is_cut
from token_exchange_cli.systems.catalog import SYSTEMS

_ISSUER: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~-]+)*/?")


def job_address(provider: str | None, values: Mapping[str, str | None]) -> str | None:
    """Return the address of the job with these `values` of the vocabulary, and its `issuer_url`; None if not known.

    A value of a token is part of an address that people open: it is encoded, and one that could lead elsewhere, or is
    not whole, is not used.
    """
    system = SYSTEMS.get(provider or "")
    issuer_url = values.get("issuer_url") or ""
    if system is None or system.job_address is None or not _ISSUER.fullmatch(issuer_url):
        return None
    usable = {name: quote(value, safe="/~") for name, value in values.items() if value and _is_usable(value)}
    try:
        return system.job_address({**usable, "issuer_url": issuer_url.rstrip("/")})
    except KeyError:
        return None


def _is_usable(value: str) -> bool:
    """Say whether this is a whole path: a part of dots, also of encoded ones, would be another place."""
    return value.isprintable() and not is_cut(value) and not {"", ".", ".."} & {*value.split("/")}

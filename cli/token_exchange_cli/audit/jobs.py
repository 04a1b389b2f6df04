"""The URL of a job in its CI system, if the claims of its token determine it."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.~-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.~-]*)*")
"""A path without a component that begins with a dot: values of a token become part of a URL that people open."""

type Values = Mapping[str, str]


def _github(values: Values) -> str | None:
    # On GitHub's own site the issuer has another host; a GitHub Enterprise Server is its issuer's host.
    host = values["issuer_url"].removeprefix("https://").partition("/")[0]
    site = "github.com" if host == "token.actions.githubusercontent.com" else host
    return f"https://{site}/{values['repository']}/actions/runs/{values['run_id']}"


def _gitlab(values: Values) -> str | None:
    job = values.get("job_id")
    path = f"-/jobs/{job}" if job else f"-/pipelines/{values['run_id']}"
    return f"{values['issuer_url'].rstrip('/')}/{values['repository']}/{path}"


_OF_PROVIDER: Final[Mapping[str, Callable[[Values], str | None]]] = {
    "github-actions": _github,
    "gitlab": _gitlab,
}


def job_address(provider: str | None, values: Mapping[str, str | None]) -> str | None:
    """Return the address of the job with these `values` of the vocabulary, and its `issuer_url`; None if not known."""
    address = _OF_PROVIDER.get(provider or "")
    known = {name: value for name, value in values.items() if value}
    if address is None or not known.get("issuer_url", "").startswith("https://"):
        return None
    if any(not _PLAIN.fullmatch(value) for name, value in known.items() if name != "issuer_url"):
        return None
    try:
        found = address(known)
    except KeyError:
        return None
    return found if found is None or quote(found, safe=":/~") == found else None

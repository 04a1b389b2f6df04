"""Takes secrets out of texts that others wrote, before they reach a log or an answer."""

import re
from typing import Final

_SECRET: Final = re.compile(
    r"ey[JA][A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,2}"  # a JWT, or the beginning of one
    r"|(?<![A-Za-z0-9/+])(?![0-9a-f]{64}(?![A-Za-z0-9/+=]))(?!/*+(?:[a-z0-9]++/)++[a-z0-9]++(?![A-Za-z0-9/+=]))"
    r"[A-Za-z0-9/+]{40,}={0,2}"  # a secret key, a session token
    r"|(?i:bearer|basic) +[^\s,]+"
)
"""Names that people give have hyphens in them, and SHA-256 digests are no secrets: both are left as they are.

So are paths in lower case, without which nobody knows which policy did not load: that a key of 40 characters looks like
one happens once in 10**9 times.
"""


_START_CHARACTERS: Final = 1024
"""Four times what a record keeps of a value."""


def redacted(text: str) -> str:
    """Return `text` with everything in it that looks like a token, a key or a password left out."""
    return _SECRET.sub("[redacted]", text)


def redacted_start(text: str) -> str:
    """Return the beginning of `text`, redacted: a record cuts it anyway, and a stranger chose its length."""
    if len(text) <= _START_CHARACTERS:
        return redacted(text)
    start = text[:_START_CHARACTERS]
    # Only up to a space: the beginning of a secret does not look like one.
    return f"{redacted(start[: start.rfind(' ') + 1])}…[{len(text) - _START_CHARACTERS} more]"

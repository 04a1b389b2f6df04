"""Removes secrets from strings of other origin, such as AWS's messages, before they reach a log or an answer."""

import re
from hashlib import sha256
from typing import Final

from token_exchange.core.token import starts_like_header

_SECRET: Final = re.compile(
    r"ey[JA][A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,2}"  # a JWT, or the beginning of one
    r"|(?<![A-Za-z0-9/+])(?![0-9a-f]{64}(?![A-Za-z0-9/+=]))(?!/*+(?:[a-z0-9]++/)++[a-z0-9]++(?![A-Za-z0-9/+=]))"
    r"[A-Za-z0-9/+]{40,}={0,2}"  # a secret key, a session token
    r"|(?i:bearer|basic) +[^\s,]+"
)
"""What looks like a secret. Names with hyphens and SHA-256 digests are left unchanged.

So are paths in lower case, which show which policy did not load. One in 10**9 secret keys of 40 characters looks like
such a path.
"""

_START_CHARACTERS: Final = 1024
"""Four times the length that a record keeps of a value."""


def redacted(text: str) -> str:
    """Return `text` with everything that looks like a token, a key or a password replaced."""
    return _SECRET.sub("[redacted]", _RUN.sub(_token_redacted, text))


_RUN: Final = re.compile(r"(?<![A-Za-z0-9_.-])(?:[A-Za-z0-9_-]{0,8}+\.)*+[A-Za-z0-9_-]{9,}+(?:\.[A-Za-z0-9_-]*+)*+")
"""Consecutive characters of a compact token (RFC 7515 section 7.1) with a segment long enough to begin one.

Possessive, and only from where such characters begin, so that each is read once.
"""


_USUAL_START: Final = re.compile(r"ey[JA][A-Za-z0-9_-]{6}")
"""The usual start of a token, anywhere in a run. Eight characters or fewer are too short to be a header."""

_MIN_HEADER_CHARACTERS: Final = 9


_MAY_HOLD_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?:e[w-z0-9_-]|I[A-P]|C[Q-Za-v]|D[Q-Za-f])[A-Za-z0-9_-]{7}|ey[JA][A-Za-z0-9_-]{6}"
)
"""What every run that holds a token matches: base64url of `{`, space, tab, line feed or carriage return, and more.

Nearly no honest value does, so a record costs one search for each value.
"""


def tokens_hashed(text: str) -> str:
    """Return `text` with each token, or beginning of a token, replaced by `sha256:` and its hex SHA-256.

    This is for values that are recorded; `redacted` is for messages. Anyone who has the token can find it in the
    records, and nothing but tokens is replaced. The time is linear in the length of `text`.
    """
    return _RUN.sub(_token_hashed, text) if _MAY_HOLD_TOKEN.search(text) else text


def _token_hashed(run: re.Match[str]) -> str:
    start = _start_of_token(run[0])
    if start is None:
        return run[0]
    return f"{run[0][:start]}sha256:{sha256(run[0][start:].encode()).hexdigest()}"


def _token_redacted(run: re.Match[str]) -> str:
    start = _start_of_token(run[0])
    return run[0] if start is None else f"{run[0][:start]}[redacted]"


def _start_of_token(run: str) -> int | None:
    usual = _USUAL_START.search(run)
    end = len(run) if usual is None else usual.start()
    start = 0
    for segment in run.split("."):
        # A header that begins with white space may contain what looks like the usual start of another.
        if start >= end:
            break
        if len(segment) >= _MIN_HEADER_CHARACTERS and starts_like_header(segment):
            return start
        start += len(segment) + 1
    return None if usual is None else end


def redacted_start(text: str) -> str:
    """Return the beginning of `text`, redacted: a record cuts it anyway, and its sender chose its length."""
    if len(text) <= _START_CHARACTERS:
        return redacted(text)
    start = text[:_START_CHARACTERS]
    # Only up to a space, since the beginning of a secret may not look like one.
    return f"{redacted(start[: start.rfind(' ') + 1])}…[{len(text) - _START_CHARACTERS} more]"

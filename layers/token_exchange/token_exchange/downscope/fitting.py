"""Fits values that a provider chose into AWS's alphabets and lengths, without letting two become one."""

import re
from hashlib import sha256

_MARK = re.compile(r"-[0-9a-f]{16}\Z")
_MARK_LENGTH = 17


def fitted(value: str, *, foreign: re.Pattern[str], max_length: int, min_length: int = 1) -> str:
    """Return `value` with each run of `foreign` characters as one `-`, in at most `max_length` characters.

    A value that had to be altered ends in `-` and 16 hexadecimal digits of the SHA-256 of the whole. So does one that
    already ends like that: otherwise somebody could choose a name that reads like the altered name of another.
    """
    replaced = foreign.sub("-", value)
    if replaced == value and min_length <= len(value) <= max_length and not _MARK.search(value):
        return value
    return f"{replaced[: max_length - _MARK_LENGTH]}-{sha256(value.encode()).hexdigest()[:16]}"

"""Lengths of time as a policy spells them: `90s`, `30m`, `12h`."""

import re
from collections.abc import Callable
from typing import Final

_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,6})([smh])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def duration_between(shortest: str, longest: str) -> Callable[[str], int]:
    """Return a reader that gives the seconds of a duration between the two, both included."""
    low, high = _seconds(shortest), _seconds(longest)

    def read(text: str) -> int:
        seconds = _seconds(text)
        if not low <= seconds <= high:
            raise ValueError(f"expected a duration between {shortest} and {longest}")
        return seconds

    return read


def _seconds(text: str) -> int:
    form = _DURATION.fullmatch(text)
    if not form:
        raise ValueError("expected a duration such as 90s, 30m or 12h")
    return int(form[1]) * _UNITS[form[2]]


def spelled_duration(seconds: int) -> str:
    """Return `seconds` as a policy would spell them, in the largest unit that leaves no rest."""
    unit = next(unit for unit in ("h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"

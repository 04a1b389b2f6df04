"""How a value that a stranger chose may appear in a text that people and log readers see."""

from typing import Final

_MAX_CHARACTERS: Final = 100


def quoted(value: str) -> str:
    """Return `value` in quotes, in ASCII, with everything unprintable escaped and a long rest left out.

    A line break would forge a line of a log, a right-to-left mark would turn a text around, and a claim of
    kilobytes would drown both.
    """
    return ascii(value) if len(value) <= _MAX_CHARACTERS else f"{value[:_MAX_CHARACTERS]!a}..."

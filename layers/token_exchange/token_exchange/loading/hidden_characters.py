"""Finds the characters that make a document read differently to a reviewer than to its parser.

YAML 1.1 ends a line, and with it a comment, at U+0085, U+2028, U+2029 and at a carriage return on its own, where
editors and code review show one line: a grant could stand in what looks like a comment. Bidirectional controls change
the order in which a line is shown (CVE-2021-42574, "Trojan Source"), and other control characters are not shown at all.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from token_exchange.loading.problems import Place

_ORDINARY: Final = bytes(range(0x20, 0x7F)) + b"\t\n"

_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)"
)

_MOST: Final = 20
"""A file with the line endings of old Macs has one in each line."""


def hidden_characters(content: bytes) -> Iterator[tuple[Place, str]]:
    """Yield place and description of each such character of `content`, of the first ones where there are many.

    Lines end at line feeds only, as a reviewer counts them. What is not UTF-8 is for the caller to refuse.
    """
    # What is left of nearly every policy is nothing, at the speed of a copy; UTF-8 stays whole without its ASCII.
    rest = content.replace(b"\r\n", b"\n").translate(None, _ORDINARY)
    if not _HIDDEN.search(rest.decode("utf-8", errors="replace")):
        return
    text = content.decode("utf-8", errors="replace")
    for found in islice(_HIDDEN.finditer(text), _MOST):
        start = found.start()
        line_start = text.rfind("\n", 0, start) + 1
        place = Place(line=text.count("\n", 0, start) + 1, column=start - line_start + 1)
        yield place, _described(found[0])


def _described(character: str) -> str:
    match character:
        case "\r":
            return "a carriage return without a line feed"
        case "\x85" | "\u2028" | "\u2029":
            return f"the line separator {_code_point(character)}, which ends a line for YAML only"
        case _ if character < "\xa0":
            return f"the control character {_code_point(character)}"
        case _:
            return f"the bidirectional control {_code_point(character)}"


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"

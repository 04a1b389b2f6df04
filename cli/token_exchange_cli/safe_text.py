"""Strings as people read them: safe to show, and names in the order of their numbers.

A string of other origin cannot end a line, move a cursor or reverse the text around it. A token in it is replaced by
its hash, as in an audit line: a pipeline that gives a token in place of a file has it in its log otherwise.
"""

import json
import re

from token_exchange.core.ports import Json
from token_exchange.reporting.safe_text import tokens_hashed


def escape_unprintable(text: str) -> str:
    """Return `text` with every character escaped that is not printable; printable Unicode stays as it is."""
    text = tokens_hashed(text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def escape_non_ascii(text: str) -> str:
    """Return `text` in printable ASCII, so that no character of a token can pass for another one."""
    text = tokens_hashed(text)
    return "".join(character if " " <= character <= "~" else _escaped(character) for character in text)


def ascii_json(value: Json) -> str:
    """Return `value` as JSON on one line of printable ASCII."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def in_reading_order(text: str) -> list[tuple[str, int, str]]:
    """Return the key by which people sort names: reg2 comes before reg10."""
    parts = [(before, number.lstrip("0")) for before, number in re.findall(r"([^0-9]*)([0-9]*)", text)]
    # A number with more digits is larger, however many they are; the text itself tells reg1 from reg01.
    return [*((before, len(number), number) for before, number in parts), (text, 0, "")]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: `1 line`, `2,000 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

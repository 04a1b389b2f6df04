"""Makes strings of other origin safe to show: they cannot end a line, move a cursor or reverse the text around them."""

import json

from token_exchange.core.ports import Json


def escape_unprintable(text: str) -> str:
    """Return `text` with every character escaped that is not printable; printable Unicode stays as it is."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def escape_non_ascii(text: str) -> str:
    """Return `text` in printable ASCII, so that no character of a token can pass for another one."""
    return "".join(character if " " <= character <= "~" else _escaped(character) for character in text)


def ascii_json(value: Json) -> str:
    """Return `value` as JSON on one line of printable ASCII."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

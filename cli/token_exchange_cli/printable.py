"""Text that a stranger may have chosen, for a terminal or a report.

Apart from `terminal`, since errors and `--help` have no use for rich.
"""


def printable(text: str) -> str:
    """Return `text` with everything escaped that would end a line, move a cursor, turn text around or fit no UTF-8."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )

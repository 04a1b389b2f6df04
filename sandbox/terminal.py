"""Terminal output of the sandbox's commands, printed by rich."""

import os
import sys

from rich.console import Console
from rich.text import Text


class Terminal:
    """Standard output, with color only on a terminal and never with NO_COLOR (https://no-color.org).

    Text is printed as it is: no markup, no line breaks, and control characters escaped.
    """

    def __init__(self) -> None:
        is_colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._console = Console(
            file=sys.stdout,
            force_terminal=is_colored,
            color_system="auto" if is_colored else None,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=True,
        )
        self._check_mark = "✓" if self._console.encoding.startswith("utf") else "ok"

    def heading(self, text: str) -> None:
        """Print the title of a step."""
        self._print("\n", (text, "bold"))

    def line(self, label: str, text: object) -> None:
        """Print one labelled fact."""
        self._print("  ", (f"{label:<14}", "dim"), f" {text}")

    def passed(self, text: str) -> None:
        """Print a check that passed."""
        self._print("  ", (self._check_mark, "green"), f" {text}")

    def text(self, text: str, *, indent: int = 0) -> None:
        """Print plain lines."""
        for line in text.splitlines():
            self._print(" " * indent + line)

    def command(self, text: str) -> None:
        """Print a command to paste into a shell."""
        self._print("  ", (text, "cyan"))

    def _print(self, *parts: str | tuple[str, str]) -> None:
        line = Text()
        for part in parts:
            text, style = part if isinstance(part, tuple) else (part, "")
            line.append(_escaped(text), style)
        self._console.print(line)


def _escaped(text: str) -> str:
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )

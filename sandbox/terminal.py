"""Terminal output of the sandbox's commands, printed by rich."""

from rich.text import Text

from token_exchange_cli.safe_text import escape_unprintable
from token_exchange_cli.terminal import console


class Terminal:
    """Standard output, as the command line's; text is printed with control characters escaped."""

    def __init__(self) -> None:
        self._console = console()
        self._check_mark = "✓" if self._console.encoding.startswith("utf") else "ok"

    def heading(self, text: str) -> None:
        """Print the title of a step."""
        self._console.print()
        self._print((text, "bold"))

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
            line.append(escape_unprintable(text), style)
        self._console.print(line)

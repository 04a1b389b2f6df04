"""Writing to a person: colour only on a terminal, and never with NO_COLOR."""

import os
import sys
from typing import Final

_RESET: Final = "\x1b[0m"


class Paper:
    """Standard output, in a few styles."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def heading(self, text: str) -> None:
        """Write a step's title."""
        print(f"\n{self._styled(text, '1')}")

    def line(self, label: str, text: object) -> None:
        """Write one fact."""
        print(f"  {self._styled(f'{label:<12}', '2')} {text}")

    def good(self, text: str) -> None:
        """Write something that was checked and holds."""
        print(f"  {self._styled('✓', '32')} {text}")

    def block(self, text: str) -> None:
        """Write a passage, set in."""
        for line in text.splitlines():
            print(f"    {line}")

    def command(self, text: str) -> None:
        """Write what a person would type."""
        for line in text.splitlines():
            print(f"  {self._styled(line, '36')}")

    def _styled(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self._colour else text

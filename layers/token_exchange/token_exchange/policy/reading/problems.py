"""What is wrong with a policy: every problem with the path to its field, all of them, not the first alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

type Path = tuple[str | int, ...]
"""The keys and indexes that lead to a field."""

type Code = Literal[
    "ambiguous-value",
    "bad-value",
    "conflict",
    "duplicate-key",
    "duplicate-name",
    "empty",
    "missing",
    "syntax",
    "too-long",
    "unknown-key",
    "unknown-name",
    "wrong-type",
]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps a policy from loading."""

    path: Path
    code: Code
    message: str

    def __str__(self) -> str:
        where = spelled_path(self.path)
        return f"{where}: {self.message}" if where else self.message


class PolicyUnusable(Exception):
    """The document is not a policy, for each of `problems`; never empty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Problems:
    """Collects what is wrong while a document is read to its end."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._unclear: set[Path] = set()

    def add(self, path: Path, code: Code, message: str) -> None:
        """Record one problem, unless it is unclear what stands at `path`: then it would follow from that alone."""
        if path not in self._unclear:
            self._found.append(Problem(path=path, code=code, message=message))

    def add_unclear(self, path: Path, code: Code, message: str) -> None:
        """Record that it is unclear what stands at `path`."""
        self._found.append(Problem(path=path, code=code, message=message))
        self._unclear.add(path)

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """End the reading.

        Raises:
            PolicyUnusable: at least one problem was recorded.
        """
        if self._found:
            raise PolicyUnusable(self._found)


def spelled_path(path: Path) -> str:
    """Return `path` as a person writes it: `grants[2].match.branch`, `claims["a.b/c"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            escaped = part.encode("unicode_escape").decode("ascii").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text

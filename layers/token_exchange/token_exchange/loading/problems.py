"""The problems of a policy: all of them, each with the path to its field."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from token_exchange.core.record import record

type Path = tuple[str | int, ...]
"""The keys and indexes of a field."""

type Code = Literal[
    "ambiguous-value",
    "bad-value",
    "conflict",
    "duplicate-key",
    "duplicate-name",
    "empty",
    "hidden-character",
    "missing",
    "syntax",
    "too-long",
    "unknown-key",
    "unknown-name",
    "wrong-type",
]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@record
class Place:
    """A line and a column of a document, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@record
class Problem:
    """One reason why a policy does not load.

    `file` is the file, in a policy that is a folder. `place` is the position in the file where `path` cannot give it:
    content that is not a document has no fields.
    """

    path: Path
    code: Code
    message: str
    file: str | None = None
    place: Place | None = None

    def __str__(self) -> str:
        place = None if self.place is None else str(self.place)
        return ": ".join(part for part in (self.file, place, spelled_path(self.path), self.message) if part)


class PolicyUnusable(Exception):
    """The document is not a policy, for each of `problems`; never empty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Problems:
    """Collects the problems of one document; `file` is its name in a policy that is a folder."""

    def __init__(self, *, file: str | None = None) -> None:
        self._file = file
        self._found: list[Problem] = []
        self._unclear: set[Path] = set()

    def of_file(self, file: str) -> "Problems":
        """Return a collector for another file of the same policy, which adds its problems to these."""
        others = Problems(file=file)
        others._found = self._found
        return others

    def include(self, unusable: "PolicyUnusable") -> None:
        """Record the problems that ended the reading of this document."""
        self._found.extend(replace(problem, file=self._file) for problem in unusable.problems)

    def add(self, path: Path, code: Code, message: str) -> None:
        """Record one problem, unless the value at `path` is unclear: then the problem would only follow from that."""
        if path not in self._unclear:
            self._found.append(Problem(path=path, code=code, message=message, file=self._file))

    def add_unclear(self, path: Path, code: Code, message: str, place: Place | None = None) -> None:
        """Record a problem, and that the value at `path` is unclear."""
        self._found.append(Problem(path=path, code=code, message=message, file=self._file, place=place))
        self._unclear.add(path)

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise all problems.

        Raises:
            PolicyUnusable: at least one problem was recorded.
        """
        if self._found:
            raise PolicyUnusable(self._found)


def spelled_path(path: Path) -> str:
    """Return `path` in the form of messages: `grants[2].match.branch`, `claims["a.b/c"]`."""
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

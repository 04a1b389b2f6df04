"""What is wrong with a policy: every problem with the path to its field, all of them, not the first alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    "hidden-character",
    "missing",
    "syntax",
    "too-long",
    "unknown-key",
    "unknown-name",
    "wrong-type",
]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line and a column of a document, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps a policy from loading.

    `file` is where it stands in a policy that is a folder. `place` is where it stands in the file, if `path` cannot
    say it: a text that is no document has no fields.
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
    """Collects what is wrong while a document is read to its end; `file` is its name in a policy that is a folder."""

    def __init__(self, *, file: str | None = None) -> None:
        self._file = file
        self._found: list[Problem] = []
        self._unclear: set[Path] = set()

    def of_file(self, file: str) -> "Problems":
        """Return what collects the problems of another file of the same policy, and adds them to these."""
        others = Problems(file=file)
        others._found = self._found
        return others

    def include(self, unusable: "PolicyUnusable") -> None:
        """Record what ended the reading of this document."""
        self._found.extend(replace(problem, file=self._file) for problem in unusable.problems)

    def add(self, path: Path, code: Code, message: str) -> None:
        """Record one problem, unless it is unclear what stands at `path`: then it would follow from that alone."""
        if path not in self._unclear:
            self._found.append(Problem(path=path, code=code, message=message, file=self._file))

    def add_unclear(self, path: Path, code: Code, message: str) -> None:
        """Record that it is unclear what stands at `path`."""
        self._found.append(Problem(path=path, code=code, message=message, file=self._file))
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

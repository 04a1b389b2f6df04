"""The results of a run: named numbers with their aims."""

from dataclasses import dataclass
from typing import Literal

type Unit = Literal["times", "s", "ms", "µs", "MB", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number.

    Ratios (`times`) carry an aim and a `limit` that they should never be above; times and counts are context. What is
    `steady` does not depend on the machine's other load: a quick run fails above its limit.
    """

    name: str
    value: float
    unit: Unit
    aim: float | None = None
    limit: float | None = None
    steady: bool = False

    def shown(self) -> str:
        """Return the number as printed in the table."""
        if self.unit == "times":
            return f"{self.value:.2f}" if self.value >= 0.1 else f"{self.value:.3f}"  # noqa: PLR2004 - two digits that count
        if self.unit == "count":
            return f"{self.value:.0f}"
        digits = 0 if self.value >= 1000 else 1 if self.value >= 100 else 2  # noqa: PLR2004 - four digits, or so
        return f"{self.value:.{digits}f} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The figures of one comparison, and how they were measured, or why there are none."""

    title: str
    method: str
    figures: tuple[Figure, ...]

"""One thing in which two policies differ, and to which side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from token_exchange.core.ports import Json

type Direction = Literal["wider", "narrower", "changed"]
"""`wider` and `narrower` are proven: every run that had something has it still, or none has what it did not have.

`changed` is everything else, also what is one of the two and was not shown to be.
"""

type Kind = Literal["grant", "issuer", "registry", "deny", "order"]

type Section = Literal["added", "removed"] | Direction

SECTIONS: Final[tuple[Section, ...]] = ("added", "removed", *get_args(Direction.__value__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One field's difference, as a sentence."""

    direction: Direction
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs of one grant, issuer, registry or deny rule.

    `grants` are those of the new policy that rest on what is none itself, and None where it is one.
    """

    section: Section
    kind: Kind
    name: str
    what: tuple[str, ...]
    grants: tuple[str, ...] | None = None

    def fields(self) -> dict[str, Json]:
        """Return the change as the command prints it under its section."""
        fields: dict[str, Json] = {"kind": self.kind, "name": self.name, "what": [*self.what]}
        return fields if self.grants is None else {**fields, "grants": [*self.grants]}


def change_of(kind: Kind, name: str, marks: Sequence[Mark]) -> Change:
    """Return the change that `marks`, of which there is one at least, come to together."""
    section = direction_of(marks)
    return Change(section=section, kind=kind, name=name, what=tuple(_sentence(mark, section) for mark in marks))


def _sentence(mark: Mark, section: Direction) -> str:
    """Return the mark's text, with its own direction where that of the whole does not say it."""
    return mark.text if mark.direction == section else f"{mark.direction}: {mark.text}"


def direction_of(marks: Iterable[Mark]) -> Direction:
    """Return the direction of all, or `changed` where they differ."""
    directions = {mark.direction for mark in marks}
    return directions.pop() if len(directions) == 1 else "changed"


def was_and_is(name: str, old: object, new: object, direction: Direction = "changed") -> Mark:
    """Return the mark of a field that has another value."""
    return Mark(direction=direction, text=f"{name} was {old}, is {new}")


def more_or_less(name: str, old: float, new: float, *, shown: tuple[str, str]) -> list[Mark]:
    """Return the mark of a number of which more is wider, and none where both are the same."""
    if old == new:
        return []
    return [was_and_is(name, *shown, direction="wider" if new > old else "narrower")]


def members(name: str, old: Iterable[str], new: Iterable[str]) -> list[Mark]:
    """Return the marks of a list of which more is wider."""
    before, after = list(old), list(new)
    gone = [one for one in before if one not in after]
    come = [one for one in after if one not in before]
    marks = [Mark(direction="wider", text=f"{name}: {', '.join(come)} added")] if come else []
    return marks + ([Mark(direction="narrower", text=f"{name}: {', '.join(gone)} taken out")] if gone else [])

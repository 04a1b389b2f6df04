"""One difference of two policies, and the differences of conditions and of order."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from token_exchange.core.conditions import Condition, Equals
from token_exchange.core.policy import Grant, Issuer
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import spelled
from token_exchange_cli.meaning.proofs import follows
from token_exchange_cli.terminal import shown, value_text

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


def moved_grants(before: Sequence[Grant], after: Sequence[Grant]) -> list[str]:
    """Return a sentence for each grant that stands elsewhere among those of its registry: as few as say it all."""
    places = {grant.name: place for place, grant in enumerate(before)}
    by_registry: dict[str, list[str]] = {}
    for grant in after:
        if grant.name in places:
            by_registry.setdefault(grant.registry.name, []).append(grant.name)
    return [sentence for registry, names in by_registry.items() for sentence in _sentences(registry, names, places)]


def _sentences(registry: str, names: Sequence[str], places: dict[str, int]) -> list[str]:
    stayed = _longest_ascending([places[name] for name in names])
    return [
        f"{name} stands {_place(at, names)} among those of {registry} now"
        for at, name in enumerate(names)
        if places[name] not in stayed
    ]


def _place(at: int, names: Sequence[str]) -> str:
    return f"behind {names[at - 1]}" if at else "first"


def _longest_ascending(places: Sequence[int]) -> set[int]:
    """Return the members of a longest ascending row within `places`, which are all different."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        before[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    row: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        row.add(last)
        last = before[last]
    return row


def condition_marks(
    old: Sequence[Condition], new: Sequence[Condition], *, before: Sequence[Issuer], after: Sequence[Issuer]
) -> list[Mark]:
    """Return what a run has to be and no longer has to, and what it had not to be and now has to.

    `before` and `after` are the issuers whose runs the conditions are held against.
    """
    dropped = {_condition_place(one): one for one in old if not _holds_with(one, new, after)}
    come = {_condition_place(one): one for one in new if not _holds_with(one, old, before)}
    others = {_condition_place(one): one for one in old} | {_condition_place(one): one for one in new}
    marks: list[Mark] = []
    for place in others:
        was, now = dropped.get(place), come.get(place)
        if was is None and now is None:
            continue
        direction: Direction = "changed" if was and now else "wider" if was else "narrower"
        marks.append(Mark(direction=direction, text=_condition_sentence(place, old, new)))
    return marks


def condition_text(condition: Condition) -> str:
    """Return the condition on one line, in ASCII."""
    return f"{_named(condition)} {expected_text(condition.expected)}"


def expected_text(expected: Json) -> str:
    """Return what a condition expects, in ASCII; of a list of one, that one."""
    return value_text(expected[0] if isinstance(expected, list) and len(expected) == 1 else expected)


def _holds_with(wanted: Condition, given: Sequence[Condition], issuers: Sequence[Issuer]) -> bool:
    """Say whether `wanted` holds of every run of `issuers` of which all of `given` do."""
    return any(_is_same_or_stricter(one, wanted) for one in given) or (
        bool(issuers) and follows(wanted, given, issuers)
    )


def _is_same_or_stricter(one: Condition, wanted: Condition) -> bool:
    """Say so of conditions on one claim, a deny rule's too, whose texts are compared without regard to case."""
    if (_condition_place(one), one.fold, one.bare) != (_condition_place(wanted), wanted.fold, wanted.bare):
        return False
    if one.tests == wanted.tests:
        return True
    match one.tests, wanted.tests:
        case (Equals(some),), (Equals(others),):
            return some <= others
        case _:
            return False


def _condition_sentence(place: tuple[str, tuple[str, ...]], old: Sequence[Condition], new: Sequence[Condition]) -> str:
    was = next((one for one in old if _condition_place(one) == place), None)
    now = next((one for one in new if _condition_place(one) == place), None)
    if was is None:
        return "" if now is None else f"now asks for {condition_text(now)}"
    if now is None:
        return f"no longer asks for {condition_text(was)}"
    return f"{_named(was)} was {expected_text(was.expected)}, is {expected_text(now.expected)}"


def _condition_place(condition: Condition) -> tuple[str, tuple[str, ...]]:
    return condition.section, condition.path


def _named(condition: Condition) -> str:
    name = spelled(tuple(map(shown, condition.path)))
    return name if condition.section == "match" else f"claims {name}"

"""One difference between two policies, and the differences of conditions and of order."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from token_exchange.core.conditions import Condition, Equals
from token_exchange.core.policy import Grant, Issuer
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import spelled
from token_exchange_cli.meaning.proofs import follows
from token_exchange_cli.safe_text import ascii_json, escape_non_ascii

type Direction = Literal["wider", "narrower", "changed"]
"""`wider` and `narrower` are proven: no run loses anything, or no run gains anything.

`changed` is everything else, including what is one of the two but was not proven to be.
"""

type Kind = Literal["grant", "issuer", "registry", "deny", "order", "file"]
type Section = Literal["added", "removed"] | Direction
SECTIONS: Final[tuple[Section, ...]] = ("added", "removed", *get_args(Direction.__value__))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """The change of one field, as a sentence."""

    direction: Direction
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The differences of one grant, issuer, registry, deny rule, or of the bounds of one file.

    `grants` are the grants of the new policy that depend on the entry; None for a grant and a file.
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


def change_of(kind: Kind, name: str, marks: Sequence[FieldChange]) -> Change:
    """Return the change that `marks`, at least one, add up to."""
    section = direction_of(marks)
    return Change(section=section, kind=kind, name=name, what=tuple(_sentence(mark, section) for mark in marks))


def _sentence(mark: FieldChange, section: Direction) -> str:
    """Return the sentence, with its direction if it is not that of the whole change."""
    return mark.text if mark.direction == section else f"{mark.direction}: {mark.text}"


def direction_of(marks: Iterable[FieldChange]) -> Direction:
    """Return the direction of all, or `changed` where they differ."""
    directions = {mark.direction for mark in marks}
    return directions.pop() if len(directions) == 1 else "changed"


def was_and_is(name: str, old: object, new: object, direction: Direction = "changed") -> FieldChange:
    """Return the change of a field's value."""
    return FieldChange(direction=direction, text=f"{name} was {old}, is {new}")


def more_or_less(name: str, old: float, new: float, *, shown: tuple[str, str]) -> list[FieldChange]:
    """Return the change of a number of which more is wider; nothing if both are equal."""
    if old == new:
        return []
    return [was_and_is(name, *shown, direction="wider" if new > old else "narrower")]


def members(name: str, old: Iterable[str], new: Iterable[str]) -> list[FieldChange]:
    """Return the changes of a list of which more is wider."""
    before, after = list(old), list(new)
    gone = [one for one in before if one not in after]
    come = [one for one in after if one not in before]
    marks = [FieldChange(direction="wider", text=f"{name}: {', '.join(come)} added")] if come else []
    return marks + ([FieldChange(direction="narrower", text=f"{name}: {', '.join(gone)} removed")] if gone else [])


def moved_grants(before: Sequence[Grant], after: Sequence[Grant]) -> list[str]:
    """Return a sentence for each grant that moved among those of its registry, as few as describe the new order."""
    places = {grant.name: place for place, grant in enumerate(before)}
    by_registry: dict[str, list[str]] = {}
    for grant in after:
        if grant.name in places:
            by_registry.setdefault(grant.registry.name, []).append(grant.name)
    return [sentence for registry, names in by_registry.items() for sentence in _sentences(registry, names, places)]


def _sentences(registry: str, names: Sequence[str], places: dict[str, int]) -> list[str]:
    stayed = _longest_ascending([places[name] for name in names])
    return [
        f"{name} is now {_place(at, names)} among the grants of {registry}"
        for at, name in enumerate(names)
        if places[name] not in stayed
    ]


def _place(at: int, names: Sequence[str]) -> str:
    return f"after {names[at - 1]}" if at else "first"


def _longest_ascending(places: Sequence[int]) -> set[int]:
    """Return the members of a longest ascending subsequence of `places`, which are distinct."""
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
) -> list[FieldChange]:
    """Return the conditions that a run no longer has to meet, and those that it now has to.

    `before` and `after` are the issuers whose runs the conditions apply to.
    """
    dropped = {one.document_path: one for one in old if not _holds_with(one, new, after)}
    come = {one.document_path: one for one in new if not _holds_with(one, old, before)}
    others = {one.document_path: one for one in old} | {one.document_path: one for one in new}
    marks: list[FieldChange] = []
    for place in others:
        was, now = dropped.get(place), come.get(place)
        if was is None and now is None:
            continue
        direction: Direction = "changed" if was and now else "wider" if was else "narrower"
        marks.append(FieldChange(direction=direction, text=_condition_sentence(place, old, new)))
    return marks


def condition_text(condition: Condition) -> str:
    """Return the condition on one line, in ASCII."""
    return f"{_named(condition)} {expected_text(condition.expected)}"


def expected_text(expected: Json) -> str:
    """Return what a condition expects, in ASCII; for a list of one element, that element."""
    return ascii_json(expected[0] if isinstance(expected, list) and len(expected) == 1 else expected)


def _holds_with(wanted: Condition, given: Sequence[Condition], issuers: Sequence[Issuer]) -> bool:
    """Say whether `wanted` holds for every run of `issuers` for which all of `given` hold."""
    return any(_is_same_or_stricter(one, wanted) for one in given) or (
        bool(issuers) and follows(wanted, given, issuers)
    )


def _is_same_or_stricter(one: Condition, wanted: Condition) -> bool:
    """Say so for conditions on one claim, including those of deny rules, which ignore case."""
    if one.document_path != wanted.document_path:
        return False
    if (one.ignore_case, one.strip_braces) != (wanted.ignore_case, wanted.strip_braces):
        return False
    if one.tests == wanted.tests:
        return True
    match one.tests, wanted.tests:
        case (Equals(some),), (Equals(others),):
            return some <= others
        case _:
            return False


def _condition_sentence(place: tuple[str, ...], old: Sequence[Condition], new: Sequence[Condition]) -> str:
    was = next((one for one in old if one.document_path == place), None)
    now = next((one for one in new if one.document_path == place), None)
    if was is None:
        return "" if now is None else f"now requires {condition_text(now)}"
    if now is None:
        return f"no longer requires {condition_text(was)}"
    return f"{_named(was)} was {expected_text(was.expected)}, is {expected_text(now.expected)}"


def _named(condition: Condition) -> str:
    section, *path = condition.document_path
    name = spelled(tuple(map(escape_non_ascii, path)))
    return name if section == "match" else f"claims {name}"

"""The order of grants, which says who wins among those of one registry, and nothing else."""

from bisect import bisect_left
from collections.abc import Sequence

from token_exchange.core.policy import Grant


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

"""Finds the grants that can apply to a token without looking at those that cannot.

Each grant of an issuer is filed under the exact values of one of its conditions, the one whose values are rarest
among the grants. A token then looks up its own values. Grants with no exact condition are looked at always.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from token_exchange.policy.conditions import Condition, Key, key_of
from token_exchange.ports import Json
from token_exchange.providers.vocabulary import ClaimPath, Vocabulary

type _Slot = tuple[str, ClaimPath, bool]
"""Where a condition looks: its section and its path, and whether a UUID's braces count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantIndex:
    """The places of one issuer's grants in the policy: `everyone`'s, and each slot's by the values they want."""

    all: tuple[int, ...]
    everyone: tuple[int, ...]
    slots: Mapping[_Slot, Mapping[Key, tuple[int, ...]]]
    readers: Mapping[_Slot, Condition]

    def candidates(self, vocabulary: Vocabulary, claims: Mapping[str, Json]) -> Sequence[int]:
        """Return the places of all grants that can apply to the token, in the order of the file."""
        found = set(self.everyone)
        for slot, places_by_key in self.slots.items():
            value = self.readers[slot].found(vocabulary, claims)
            for element in value if isinstance(value, list) else [value]:
                key = key_of(element)
                if key is not None:
                    found.update(places_by_key.get(key, ()))
        return sorted(found)


def index_grants(grants: Sequence[tuple[int, tuple[Condition, ...]]]) -> GrantIndex:
    """Return the index over `grants`: their places in the policy, ascending, with their conditions."""
    frequency = Counter(found for _, conditions in grants for _, found in _exact(conditions))
    everyone: list[int] = []
    slots: dict[_Slot, dict[Key, list[int]]] = {}
    readers: dict[_Slot, Condition] = {}
    for place, conditions in grants:
        best = min(
            (condition for condition in conditions if condition.exact_keys is not None),
            key=lambda condition: sum(frequency[found] for _, found in _exact((condition,))),
            default=None,
        )
        if best is None:
            everyone.append(place)
            continue
        slot = (best.section, best.path, best.bare)
        readers[slot] = best
        places_by_key = slots.setdefault(slot, {})
        for _, (_, key) in _exact((best,)):
            places_by_key.setdefault(key, []).append(place)
    return GrantIndex(
        all=tuple(place for place, _ in grants),
        everyone=tuple(everyone),
        slots={slot: {key: tuple(places) for key, places in by_key.items()} for slot, by_key in slots.items()},
        readers=readers,
    )


def _exact(conditions: tuple[Condition, ...]) -> Iterator[tuple[Condition, tuple[_Slot, Key]]]:
    for condition in conditions:
        for key in condition.exact_keys or ():
            yield condition, ((condition.section, condition.path, condition.bare), key)

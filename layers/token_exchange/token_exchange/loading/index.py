"""Finds the grants that can apply to a token without looking at those that cannot.

Each grant of an issuer is filed under the exact values of one of its conditions, the one whose values are rarest
among the grants. A token then looks up its own values, so that a decision among 100,000 grants costs what one among ten
does. Grants with no exact condition are always looked at. The index only leaves out what cannot win: whether a grant
wins is said in `core/evaluate.py` only.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from token_exchange.core.conditions import Condition, Key, key_of
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import Vocabulary

type _Slot = tuple[tuple[str, ...], bool]
"""What a condition looks at, and whether it leaves out a UUID's braces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactValueIndex:
    """The indexes of one issuer's grants in the policy.

    `unindexed` are those that every token has to look at. `slots` has the others by the values that they want, and
    `slot_conditions` a condition of each slot, which reads the token's value.
    """

    all: tuple[int, ...]
    unindexed: tuple[int, ...]
    slots: Mapping[_Slot, Mapping[Key, tuple[int, ...]]]
    slot_conditions: Mapping[_Slot, Condition]

    def candidates(self, vocabulary: Vocabulary, claims: Mapping[str, Json]) -> Sequence[int]:
        """Return the indexes of all grants that can apply to the token, in the order of the file."""
        found = set(self.unindexed)
        for slot, indexes_by_key in self.slots.items():
            value = self.slot_conditions[slot].found(vocabulary, claims)
            for element in value if isinstance(value, list) else [value]:
                key = key_of(element)
                if key is not None:
                    found.update(indexes_by_key.get(key, ()))
        return sorted(found)


def index_grants(grants: Sequence[tuple[int, tuple[Condition, ...]]]) -> ExactValueIndex:
    """Return the index over `grants`: their indexes in the policy, ascending, with their conditions."""
    frequency = Counter(found for _, conditions in grants for _, found in _exact(conditions))
    unindexed: list[int] = []
    slots: dict[_Slot, dict[Key, list[int]]] = {}
    slot_conditions: dict[_Slot, Condition] = {}
    for index, conditions in grants:
        best = min(
            (condition for condition in conditions if condition.exact_keys is not None),
            key=lambda condition: sum(frequency[found] for _, found in _exact((condition,))),
            default=None,
        )
        if best is None:
            unindexed.append(index)
            continue
        slot = (best.document_path, best.strip_braces)
        slot_conditions[slot] = best
        indexes_by_key = slots.setdefault(slot, {})
        for _, (_, key) in _exact((best,)):
            indexes_by_key.setdefault(key, []).append(index)
    return ExactValueIndex(
        all=tuple(index for index, _ in grants),
        unindexed=tuple(unindexed),
        slots={slot: {key: tuple(indexes) for key, indexes in by_key.items()} for slot, by_key in slots.items()},
        slot_conditions=slot_conditions,
    )


def _exact(conditions: tuple[Condition, ...]) -> Iterator[tuple[Condition, tuple[_Slot, Key]]]:
    for condition in conditions:
        for key in condition.exact_keys or ():
            yield condition, ((condition.document_path, condition.strip_braces), key)

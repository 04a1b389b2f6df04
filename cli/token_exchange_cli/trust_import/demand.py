"""What a trust policy demands of one claim, and the condition of a policy that says the same."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from token_exchange.core.ports import Json
from token_exchange_cli.subjects.iam_patterns import NotSayable, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The demand on one claim: one of `among`, if any, and none of `refused`; or that it is absent."""

    among: tuple[Value, ...] | None = None
    refused: tuple[Value, ...] = ()
    present: bool | None = None

    def and_also(self, other: "Demand") -> "Demand":
        """Return the combination of both.

        Raises:
            NotSayable: two patterns at once, or nothing remains.
        """
        if None not in (self.present, other.present) and self.present is not other.present:
            raise NotSayable("a claim that exists and does not exist")
        return Demand(
            among=_both(self.among, other.among),
            refused=(*self.refused, *other.refused),
            present=other.present if self.present is None else self.present,
        )

    def among_only(self, values: Sequence[Value]) -> "Demand":
        """Return the same with `values` instead of those it has."""
        return Demand(among=tuple(values), refused=self.refused, present=self.present)

    def condition(self) -> Json:
        """Return a condition of a policy that is at least as strict.

        Raises:
            NotSayable: no condition expresses it.
        """
        if self.present is False:
            if self.among is not None:
                raise NotSayable("a claim that is absent and has a value")
            return {"exists": False}
        operators: dict[str, Json] = {}
        among = self.among
        if among is not None and not self.refused and not any(value.is_pattern for value in among):
            return [*sorted({value.text for value in among})]
        if among is not None:
            if any(not value.is_pattern and re.search(r"[*?]", value.text) for value in among):
                raise NotSayable("a literal ? beside patterns")
            operators["like"] = [*sorted({value.glob for value in among})]
        exact = sorted({value.text for value in self.refused if not value.is_pattern})
        patterns = sorted({value.wider_glob for value in self.refused if value.is_pattern})
        if exact:
            operators["not"] = [*exact]
        if patterns:
            operators["not_like"] = [*patterns]
        return operators or {"exists": True}


def _both(one: tuple[Value, ...] | None, other: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
    if one is None or other is None:
        return one if other is None else other
    if any(value.is_pattern for value in one):
        one, other = other, one
    if any(value.is_pattern for value in one):
        raise NotSayable(
            "two conditions with patterns on one key, but a policy allows one: in a copy of the trust policy, combine "
            "the patterns, and import that"
        )
    left = tuple(value for value in one if any(wanted.takes(value.text) for wanted in other))
    if not left:
        raise NotSayable("two conditions on one key that no value meets")
    return left

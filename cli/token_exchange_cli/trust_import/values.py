"""Values of an IAM condition, and what says the same in a policy.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Policy variables".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.glob import compile_glob
from token_exchange.core.ports import Json

_SPECIAL: Final = re.compile(r"\$\{([*?$])\}")


class NotSayable(Exception):
    """A policy has no way to say this; the text says what. `place` is where it stands, if that is known."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Value:
    """What a claim has to be: `text` as it stands, or with `is_pattern` IAM's pattern, whose `*` crosses everything."""

    text: str
    is_pattern: bool

    @property
    def glob(self) -> str:
        """The policy's glob: `**` for any run, and `?` for one character but `/` and `:`, which is narrower."""
        return re.sub(r"\*+", "**", self.text)

    @property
    def wider_glob(self) -> str:
        """A glob that takes at least what this does: what is refused has to stay refused."""
        return re.sub(r"[*?]+", "**", self.text)

    def takes(self, text: str) -> bool:
        """Say whether `text` is meant, or no where only IAM's `?` would say so."""
        return compile_glob(self.glob).matches(text) if self.is_pattern else text == self.text


def value_of(text: str, *, takes_wildcards: bool) -> Value:
    """Return what `text` means to an operator that takes wildcards or does not.

    Raises:
        NotSayable: it is empty, or holds a policy variable or a `*` that stands for itself.
    """
    plain = _SPECIAL.sub(lambda found: {"$": "$"}.get(found[1], ""), text)
    if not text:
        raise NotSayable("empty text, which no claim is")
    if "${" in plain:
        raise NotSayable("a policy variable")
    has_literal = any(found[1] in "*?" for found in _SPECIAL.finditer(text))
    is_pattern = takes_wildcards and re.search(r"[*?]", plain) is not None
    if "*" in text and (has_literal or not takes_wildcards):
        raise NotSayable("a * that stands for itself, which no claim has: write StringLike where a pattern is meant")
    if has_literal:
        raise NotSayable("a ? that stands for itself beside wildcards")
    return Value(plain, is_pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked of one claim: one of `among`, where there are some, and none of `refused`; or that it is absent."""

    among: tuple[Value, ...] | None = None
    refused: tuple[Value, ...] = ()
    present: bool | None = None

    def and_also(self, other: "Demand") -> "Demand":
        """Return what both ask.

        Raises:
            NotSayable: two patterns at once, or nothing is left.
        """
        if None not in (self.present, other.present) and self.present is not other.present:
            raise NotSayable("a claim that is there and is not")
        return Demand(
            among=_both(self.among, other.among),
            refused=(*self.refused, *other.refused),
            present=other.present if self.present is None else self.present,
        )

    def among_only(self, values: Sequence[Value]) -> "Demand":
        """Return the same with `values` instead of those it has."""
        return Demand(among=tuple(values), refused=self.refused, present=self.present)

    def condition(self) -> Json:
        """Return the condition of a policy that holds for no claim that this does not ask for.

        Raises:
            NotSayable: there is none.
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
                raise NotSayable("a ? that stands for itself beside patterns")
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
            "two conditions with patterns on one key, and a policy takes one: in a copy of the trust policy write "
            "patterns that say both, and import that"
        )
    left = tuple(value for value in one if any(wanted.takes(value.text) for wanted in other))
    if not left:
        raise NotSayable("two conditions on one key that nothing meets")
    return left

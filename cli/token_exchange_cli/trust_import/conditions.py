"""Reads the `Condition` of a trust statement as demands on claims, and never as less than it asks.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
keys"; the condition keys of AWS web identity federation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.trust_import.values import Demand, NotSayable, Value, value_of

type Remark = Callable[[str], None]

_CHOSEN_BY_THE_CALLER: Final = frozenset({"sts:rolesessionname"})
"""Keys that hold whatever the caller likes: without them nobody is let in who was not."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A text operator of IAM: which values it takes, and whether it asks for them or for all others."""

    takes_wildcards: bool
    negates: bool = False
    ignores_case: bool = False


_OPERATORS: Final[Mapping[str, Operator]] = {
    "stringequals": Operator(takes_wildcards=False),
    "stringlike": Operator(takes_wildcards=True),
    "stringequalsignorecase": Operator(takes_wildcards=False, ignores_case=True),
    "stringnotequals": Operator(takes_wildcards=False, negates=True),
    "stringnotlike": Operator(takes_wildcards=True, negates=True),
    "arnequals": Operator(takes_wildcards=True),
    "arnlike": Operator(takes_wildcards=True),
    "arnnotequals": Operator(takes_wildcards=True, negates=True),
    "arnnotlike": Operator(takes_wildcards=True, negates=True),
}


@dataclass(slots=True)
class Demands:
    """What a statement asks of each claim of the tokens of one provider."""

    by_claim: dict[str, Demand] = field(default_factory=dict)

    def add(self, claim: str, demand: Demand) -> None:
        """Ask for `demand`, too.

        Raises:
            NotSayable: with what is asked already it cannot be said.
        """
        known = self.by_claim.get(claim)
        self.by_claim[claim] = demand if known is None else known.and_also(demand)


def read_conditions(condition: Json, *, address: str, place: str, remark: Remark) -> dict[str, Demand]:
    """Return what `condition` asks of the claims of tokens by the provider at `address`, by the claims' names.

    Raises:
        NotSayable: something in it has no like in a policy; leaving it out would let more people in. The text has its
            place.
    """
    demands = Demands()
    if condition is None:
        return demands.by_claim
    if not isinstance(condition, dict):
        raise NotSayable(f"{place}: expected an object of operators")
    for operator, keys in condition.items():
        here = f"{place}.{operator}"
        if not isinstance(keys, dict) or not keys:
            raise NotSayable(f"{here}: expected an object of condition keys")
        for key, values in keys.items():
            where = f'{here}["{key}"]'
            try:
                claim = _claim(key, address)
                if claim is None:
                    remark(f"{where}: left out, since whoever assumes the role chooses it")
                    continue
                demands.add(claim, _demand(operator, claim, _texts(values), place=where, remark=remark))
            except NotSayable as error:
                raise NotSayable(f"{where}: {error}") from error
    return demands.by_claim


def _claim(key: str, address: str) -> str | None:
    """Return the claim that `key` means, or None for a key that protects nothing."""
    if key.lower() in _CHOSEN_BY_THE_CALLER:
        return None
    prefix, colon, claim = key[: len(address)], key[len(address) : len(address) + 1], key[len(address) + 1 :]
    if prefix.lower() != address.lower() or colon != ":" or not claim:
        raise NotSayable(f"no claim of {address}, so a policy cannot ask for it")
    # IAM's keys ignore case, and these two are in every token.
    return claim.lower() if claim.lower() in {"aud", "sub"} else claim


def _texts(values: Json) -> list[str]:
    listed = values if isinstance(values, list) else [values]
    texts: list[str] = []
    for value in listed:
        match value:
            case bool():
                texts.append(str(value).lower())
            case str() | int() | float():
                texts.append(str(value))
            case _:
                raise NotSayable("expected text or a list of texts")
    if not texts:
        raise NotSayable("expected at least one value")
    return texts


def _demand(name: str, claim: str, texts: Sequence[str], *, place: str, remark: Remark) -> Demand:
    quantifier, _, rest = name.lower().rpartition(":")
    if quantifier not in {"", "forallvalues", "foranyvalue"}:
        raise NotSayable(f"no operator of IAM is called {name}")
    if quantifier == "forallvalues" and claim not in {"aud", "sub"}:
        raise NotSayable("ForAllValues of a claim that may be a list, of which a policy asks for one value")
    base = rest.removesuffix("ifexists")
    if base == "null" and base == rest:
        return _null(texts)
    operator = _OPERATORS.get(base)
    if operator is None:
        raise NotSayable(f"the operator {name} compares no text, so a policy cannot ask for it")
    if base != rest:
        remark(f"{place}: IfExists lets in a token without the claim; the policy wants it to be there")
    if quantifier == "forallvalues":
        remark(f"{place}: ForAllValues lets in a token without the claim; the policy wants it to be there")
    if operator.ignores_case:
        remark(f"{place}: the policy compares with regard to case, so write the value as tokens have it")
    if operator.negates:
        remark(f"{place}: a condition on what a claim is not lets in everybody else; say what it is")
        return Demand(refused=_values(texts, operator, place=place, remark=None, drop=False))
    return Demand(among=_values(texts, operator, place=place, remark=remark, drop=True))


def _values(
    texts: Sequence[str], operator: Operator, *, place: str, remark: Remark | None, drop: bool
) -> tuple[Value, ...]:
    """Return the values that can be said; with `drop` one that cannot is left out while another is there."""
    found: list[Value] = []
    unsayable: list[str] = []
    for text in texts:
        try:
            found.append(value_of(text, takes_wildcards=operator.takes_wildcards))
        except NotSayable as error:
            unsayable.append(f"{text!r} is {error}")
    if unsayable and (not found or not drop):
        raise NotSayable("; ".join(unsayable))
    if remark is not None:
        for text in unsayable:
            remark(f"{place}: left out: {text}")
        if any(value.is_pattern and "?" in value.text for value in found):
            remark(f"{place}: IAM's ? is any character; the policy's is none of / and :, which is narrower")
    return tuple(found)


def _null(texts: Sequence[str]) -> Demand:
    match [text.lower() for text in texts]:
        case ["true"]:
            return Demand(present=False)
        case ["false"]:
            return Demand(present=True)
        case _:
            raise NotSayable("expected true or false")

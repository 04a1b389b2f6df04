"""Reads the `Condition` of a trust statement as demands on claims, and never as less than it asks.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
keys"; the condition keys of AWS web identity federation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.subjects.iam_patterns import NotSayable, Value, value_of
from token_exchange_cli.trust_import.condition_keys import claim_of_key, has_key
from token_exchange_cli.trust_import.demand import Demand
from token_exchange_cli.trust_import.remarks import Remark

_CHOSEN_BY_THE_CALLER: Final = frozenset({"sts:rolesessionname"})
"""Keys that hold whatever the caller likes: without them no one is let in who was not."""

_REQUEST_TAG: Final = "aws:requesttag/"
_NESTED_IN_GOOGLE: Final = "google/organization_number"


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
    """What a statement asks of each claim of the tokens of one provider.

    `is_met` is false where a condition needs a key that AWS does not have: no one can assume the role by the statement.
    """

    by_claim: dict[str, Demand] = field(default_factory=dict)
    is_met: bool = True

    def add(self, claim: str, demand: Demand) -> None:
        """Ask for `demand`, too.

        Raises:
            NotSayable: with what is asked already it cannot be said.
        """
        known = self.by_claim.get(claim)
        self.by_claim[claim] = demand if known is None else known.and_also(demand)


def read_conditions(condition: Json, *, address: str, place: str, remark: Remark) -> Demands:
    """Return what `condition` asks of the claims of tokens by the provider at `address`.

    Raises:
        NotSayable: something in it has no like in a policy; leaving it out would let more people in. It has its place.
    """
    demands = Demands()
    if condition is None:
        return demands
    if not isinstance(condition, dict):
        raise NotSayable("expected an object of operators", place)
    for operator, keys in condition.items():
        here = f"{place}.{operator}"
        if not isinstance(keys, dict) or not keys:
            raise NotSayable("expected an object of condition keys", here)
        for key, values in keys.items():
            where = f'{here}["{key}"]'
            try:
                _read(demands, operator, key, values, address=address, place=where, remark=remark)
            except NotSayable as error:
                raise NotSayable(str(error), where) from error
    return demands


def _read(demands: Demands, operator: str, key: str, values: Json, *, address: str, place: str, remark: Remark) -> None:
    if key.lower() in _CHOSEN_BY_THE_CALLER:
        remark(place, "left out, since the caller chooses it")
        return
    claim = _claim(operator, key, address)
    texts = _texts(values)
    if claim.lower() == "iss":
        _read_issuer(demands, operator, texts, address=address, place=place, remark=remark)
        return
    demand = _demand(operator, texts, place=place, remark=remark)
    if not has_key(address, claim):
        if _needs_its_key(operator, texts):
            demands.is_met = False
            remark(
                place,
                "AWS has no condition key for this claim, so no one can assume the role by this statement today; what "
                "it says is in report mode: take mode: report out once those whom it names are to get in",
            )
        else:
            remark(
                place,
                "AWS has no condition key for this claim, so this holds for every token today; the policy does check "
                "the claim, which is narrower",
            )
    demands.add(claim, demand)


def _read_issuer(
    demands: Demands, operator: str, texts: Sequence[str], *, address: str, place: str, remark: Remark
) -> None:
    """Read a condition on `iss`, which AWS has no key for and each issuer entry pins."""
    _, base = _quantified(operator)
    known = _OPERATORS.get(base.removesuffix("ifexists"))
    if known is None or known.negates:
        raise NotSayable("a policy pins the issuer itself: take the condition out of a copy, and import that")
    if not _needs_its_key(operator, texts):
        remark(
            place,
            f"left out: AWS has no condition key for iss, so this holds for every token; https://{address} "
            "is pinned by the issuer entry",
        )
        return
    if f"https://{address}" not in texts:
        raise NotSayable(f"expected https://{address}, the issuer that the principal names")
    demands.is_met = False
    remark(
        place,
        "AWS has no condition key for iss, so no one can assume the role by this statement today; what it says is in "
        "report mode: take mode: report out once those whom it names are to get in",
    )


def needs_another_issuer(condition: Json, *, address: str) -> bool:
    """Say whether `condition` needs another `iss` than the provider's at `address`, which no token of it has."""
    if not isinstance(condition, dict):
        return False
    for operator, keys in condition.items():
        if operator.lower() != "foranyvalue:stringnotequals" or not isinstance(keys, dict):
            continue
        for key, values in keys.items():
            if key.lower() == f"{address}:iss".lower() and f"https://{address}" in _listed(values):
                return True
    return False


def _quantified(operator: str) -> tuple[str, str]:
    """Return the quantifier of `operator`, or empty text, and the rest, both in lower case."""
    quantifier, _, rest = operator.lower().rpartition(":")
    return quantifier, rest


def _needs_its_key(operator: str, texts: Sequence[str]) -> bool:
    """Say whether a condition with `operator` holds for no request in whose context its key is not."""
    quantifier, rest = _quantified(operator)
    base = rest.removesuffix("ifexists")
    if quantifier == "forallvalues":
        return False
    if quantifier == "foranyvalue":
        return True
    if base == "null":
        return [text.lower() for text in texts] != ["true"]
    known = _OPERATORS.get(base)
    return base == rest and not (known is not None and known.negates)


def _claim(operator: str, key: str, address: str) -> str:
    """Return the claim that `key` means.

    Raises:
        NotSayable: it is none of this provider's tokens.
    """
    prefix, colon, claim = key[: len(address)], key[len(address) : len(address) + 1], key[len(address) + 1 :]
    if prefix.lower() == address.lower() and colon == ":" and claim:
        if claim.lower() == _NESTED_IN_GOOGLE:
            raise NotSayable(
                "IAM takes this from inside the claim google: ask for claims: {google: {organization_number: …}} in a "
                "grant of your own"
            )
        return claim_of_key(address, claim)
    if key.lower().startswith(_REQUEST_TAG):
        raise NotSayable(
            "a session tag, which is no claim of its own: take it out of a copy and import that; where the token "
            "carries the tag, the grant can ask for it under claims, inside https://aws.amazon.com/tags"
        )
    if key.lower().startswith(("aws:", "sts:")):
        raise NotSayable(
            f"no claim of {address}, so a policy cannot ask for it: where the grants may go without it, take it out "
            "of a copy and import that"
        )
    quantifier, rest = _quantified(operator)
    if quantifier == "forallvalues" or rest.endswith("ifexists"):
        raise NotSayable(
            f"no claim of {address}, so this holds for every token: today it keeps no run of {address} from assuming "
            "the role; ask for claims of that issuer"
        )
    raise NotSayable(f"no claim of {address}: a condition on another issuer's claim holds for no token of this one")


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _texts(values: Json) -> list[str]:
    texts: list[str] = []
    for value in _listed(values):
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


def _demand(name: str, texts: Sequence[str], *, place: str, remark: Remark) -> Demand:
    quantifier, rest = _quantified(name)
    if quantifier not in {"", "forallvalues", "foranyvalue"}:
        raise NotSayable(f"no operator of IAM is called {name}")
    base = rest.removesuffix("ifexists")
    if base == "null" and base == rest:
        return _null(texts)
    operator = _OPERATORS.get(base)
    if operator is None:
        raise NotSayable(f"the operator {name} compares no text, so a policy cannot ask for it")
    if base != rest:
        remark(place, "IfExists lets in a token without the claim; the policy wants it to be there")
    if quantifier == "forallvalues":
        remark(place, "ForAllValues lets in a token without the claim; the policy wants it to be there")
    if operator.ignores_case:
        remark(place, "the policy compares with regard to case, so write the value as tokens have it")
    if operator.negates:
        remark(place, "a condition on what a claim is not lets in all others; say what it is")
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
            remark(place, f"left out: {text}")
        if any(value.is_pattern and "?" in value.text for value in found):
            remark(place, "IAM's ? is any character; the policy's is none of / and :, which is narrower")
    return tuple(found)


def _null(texts: Sequence[str]) -> Demand:
    match [text.lower() for text in texts]:
        case ["true"]:
            return Demand(present=False)
        case ["false"]:
            return Demand(present=True)
        case _:
            raise NotSayable("expected true or false")

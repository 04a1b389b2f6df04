"""Read the `Condition` of a trust statement as demands on claims, and never as less than it demands.

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
"""Keys whose value the caller chooses: leaving them out admits no one else."""

_REQUEST_TAG: Final = "aws:requesttag/"
_NESTED_IN_GOOGLE: Final = "google/organization_number"


@dataclass(frozen=True, slots=True)
class Operator:
    """A string operator of IAM: whether it takes wildcards, negates, or ignores case."""

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
    """The demands of a statement on each claim of one provider's tokens.

    `is_met` is false if a condition needs a key that AWS does not have: then the statement admits no one.
    """

    by_claim: dict[str, Demand] = field(default_factory=dict)
    is_met: bool = True

    def add(self, claim: str, demand: Demand) -> None:
        """Add `demand`.

        Raises:
            NotSayable: it cannot be expressed together with the others.
        """
        known = self.by_claim.get(claim)
        self.by_claim[claim] = demand if known is None else known.and_also(demand)


def read_conditions(condition: Json, *, address: str, place: str, remark: Remark) -> Demands:
    """Return the demands of `condition` on the claims of the provider at `address`.

    Raises:
        NotSayable: something cannot be expressed in a policy, and leaving it out would admit more. It has its place.
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
        remark(place, "left out: the caller chooses this value")
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
                "AWS has no condition key for this claim, so no one can assume the role by this statement today; its "
                "grants are in report mode: remove mode: report to admit those that it names",
            )
        else:
            remark(
                place,
                "AWS has no condition key for this claim, so this holds for every token today; the policy does check "
                "the claim, and is narrower",
            )
    demands.add(claim, demand)


def _read_issuer(
    demands: Demands, operator: str, texts: Sequence[str], *, address: str, place: str, remark: Remark
) -> None:
    """Read a condition on `iss`: AWS has no key for it, and each issuer entry pins it."""
    _, base = _quantified(operator)
    known = _OPERATORS.get(base.removesuffix("ifexists"))
    if known is None or known.negates:
        raise NotSayable("a policy pins the issuer itself: remove the condition from a copy, and import that")
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
        "AWS has no condition key for iss, so no one can assume the role by this statement today; its grants are in "
        "report mode: remove mode: report to admit those that it names",
    )


def needs_another_issuer(condition: Json, *, address: str) -> bool:
    """Say whether `condition` needs another `iss` than that of the provider at `address`: then no token meets it."""
    if not isinstance(condition, dict):
        return False
    for operator, keys in condition.items():
        if operator.lower() != "foranyvalue:stringnotequals" or not isinstance(keys, dict):
            continue
        for key, values in keys.items():
            if key.lower() == f"{address}:iss".lower() and f"https://{address}" in as_list(values):
                return True
    return False


def _quantified(operator: str) -> tuple[str, str]:
    """Return the quantifier of `operator`, or an empty string, and the remainder, both in lower case."""
    quantifier, _, rest = operator.lower().rpartition(":")
    return quantifier, rest


def _needs_its_key(operator: str, texts: Sequence[str]) -> bool:
    """Say whether a condition with `operator` fails where its key is not in the context of the request."""
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
    """Return the claim that `key` is for.

    Raises:
        NotSayable: it is not a claim of this provider's tokens.
    """
    prefix, colon, claim = key[: len(address)], key[len(address) : len(address) + 1], key[len(address) + 1 :]
    if prefix.lower() == address.lower() and colon == ":" and claim:
        if claim.lower() == _NESTED_IN_GOOGLE:
            raise NotSayable(
                "IAM takes this from inside the claim google: write claims: {google: {organization_number: …}} in a "
                "separate grant"
            )
        return claim_of_key(address, claim)
    if key.lower().startswith(_REQUEST_TAG):
        raise NotSayable(
            "a session tag, which is not a claim: remove it from a copy and import that; if the token "
            "carries the tag, the grant can require it under claims, inside https://aws.amazon.com/tags"
        )
    if key.lower().startswith(("aws:", "sts:")):
        raise NotSayable(
            f"not a claim of {address}, so a policy cannot express it: if the grants may omit it, remove it "
            "from a copy and import that"
        )
    quantifier, rest = _quantified(operator)
    if quantifier == "forallvalues" or rest.endswith("ifexists"):
        raise NotSayable(
            f"not a claim of {address}, so this holds for every token: today it keeps no run of {address} from "
            "assuming the role; use claims of that issuer"
        )
    raise NotSayable(f"not a claim of {address}: a condition on another issuer's claim holds for no token of this one")


def as_list(value: Json) -> list[Json]:
    """Return `value` as a list: in IAM's documents, one value may be written without one."""
    return value if isinstance(value, list) else [value]


def _texts(values: Json) -> list[str]:
    texts: list[str] = []
    for value in as_list(values):
        match value:
            case bool():
                texts.append(str(value).lower())
            case str() | int() | float():
                texts.append(str(value))
            case _:
                raise NotSayable("expected a string or a list of strings")
    if not texts:
        raise NotSayable("expected at least one value")
    return texts


def _demand(name: str, texts: Sequence[str], *, place: str, remark: Remark) -> Demand:
    quantifier, rest = _quantified(name)
    if quantifier not in {"", "forallvalues", "foranyvalue"}:
        raise NotSayable(f"IAM has no operator {name}")
    base = rest.removesuffix("ifexists")
    if base == "null" and base == rest:
        return _null(texts)
    operator = _OPERATORS.get(base)
    if operator is None:
        raise NotSayable(f"the operator {name} does not compare strings, so a policy cannot express it")
    if base != rest:
        remark(place, "IfExists admits a token without the claim; the policy requires the claim")
    if quantifier == "forallvalues":
        remark(place, "ForAllValues admits a token without the claim; the policy requires the claim")
    if operator.ignores_case:
        remark(place, "the policy is case-sensitive, so write the value as it is in the tokens")
    if operator.negates:
        remark(place, "a negative condition admits everything else; write the values to admit")
        return Demand(refused=_values(texts, operator, place=place, remark=None, drop=False))
    return Demand(among=_values(texts, operator, place=place, remark=remark, drop=True))


def _values(
    texts: Sequence[str], operator: Operator, *, place: str, remark: Remark | None, drop: bool
) -> tuple[Value, ...]:
    """Return the values that can be expressed; with `drop`, others are left out if at least one remains."""
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
            remark(place, "IAM's ? is any character; the policy's is any except / and :, which is narrower")
    return tuple(found)


def _null(texts: Sequence[str]) -> Demand:
    match [text.lower() for text in texts]:
        case ["true"]:
            return Demand(present=False)
        case ["false"]:
            return Demand(present=True)
        case _:
            raise NotSayable("expected true or false")

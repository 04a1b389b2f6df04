"""The condition operators of IAM's policy language.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

type Context = Mapping[str, Sequence[str]]
"""The values of the request's condition keys, under lower-case names: keys ignore case, values do not."""


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """Return IAM's wildcards as a pattern: `*` any run of characters, `/` and `:` among them, `?` one."""
    translated = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile(translated, re.DOTALL)


def matches(pattern: str, value: str) -> bool:
    """Return whether the whole `value` matches IAM's `pattern`."""
    return glob(pattern).fullmatch(value) is not None


def moment(text: str) -> float:
    """Return a date of a policy, ISO 8601 or seconds since the epoch, in seconds since the epoch.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch(r"[0-9]{1,12}", text):
        return float(text)
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _in_network(network: str, address: str) -> bool:
    return ip_address(address) in ip_network(network, strict=False)


type _Test = Callable[[str, str], bool]

_TESTS: Final[Mapping[str, _Test]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": matches,
    "ArnEquals": matches,  # both forms take wildcards
    "ArnLike": matches,
    "NumericEquals": lambda wanted, found: float(found) == float(wanted),
    "NumericLessThan": lambda wanted, found: float(found) < float(wanted),
    "NumericLessThanEquals": lambda wanted, found: float(found) <= float(wanted),
    "NumericGreaterThan": lambda wanted, found: float(found) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, found: float(found) >= float(wanted),
    "DateEquals": lambda wanted, found: moment(found) == moment(wanted),
    "DateLessThan": lambda wanted, found: moment(found) < moment(wanted),
    "DateLessThanEquals": lambda wanted, found: moment(found) <= moment(wanted),
    "DateGreaterThan": lambda wanted, found: moment(found) > moment(wanted),
    "DateGreaterThanEquals": lambda wanted, found: moment(found) >= moment(wanted),
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "BinaryEquals": lambda wanted, found: wanted == found,
    "IpAddress": _in_network,
}
_NEGATIONS: Final[Mapping[str, str]] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
_QUANTIFIERS: Final = ("ForAllValues", "ForAnyValue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key of a policy's `Condition`: one of `wanted` must hold; `operator` is a known one."""

    operator: str
    key: str
    wanted: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Return whether the condition holds in `context`."""
        quantifier, _, rest = self.operator.rpartition(":")
        operator = rest.removesuffix("IfExists")
        found = context.get(self.key.lower())
        if operator == "Null":
            return (found is None) == (self.wanted[0].lower() == "true")
        negated = operator in _NEGATIONS
        if not found:
            # A missing key fails every operator but a negation, one with IfExists, and a vacuous ForAllValues.
            return quantifier == "ForAllValues" or (quantifier == "" and (negated or rest != operator))
        test = _TESTS[_NEGATIONS.get(operator, operator)]
        each = [any(test(wanted, value) for wanted in self.wanted) != negated for value in found]
        return all(each) if quantifier == "ForAllValues" or (negated and not quantifier) else any(each)


def is_operator(name: str) -> bool:
    """Return whether IAM has the operator, with its quantifier and suffix."""
    quantifier, colon, rest = name.rpartition(":")
    if colon and quantifier not in _QUANTIFIERS:
        return False
    if rest == "Null":
        return True
    base = rest.removesuffix("IfExists")
    return base in _TESTS or base in _NEGATIONS


def is_date(operator: str) -> bool:
    """Return whether the operator compares dates."""
    return operator.rpartition(":")[2].startswith("Date")

"""Metric math and Metrics Insights, as far as the template's alarms use them; anything else is refused.

Source: CloudWatch User Guide, "Using math expressions with CloudWatch metrics" and "Metrics Insights query components
and syntax".
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

type Values = Sequence[float | None]
"""A time series: one value for each period, None where there is no data."""

_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


class UnknownExpression(ValueError):
    """The expression has a part that is not supported here."""


def evaluate(expression: str, series: Mapping[str, Values]) -> Values:
    """Return the value of metric math for each period; `series` are the results that it may name.

    `FILL` fills only periods in which some metric has data, as a series without any has no timestamps.
    """
    tree = _parsed(expression)
    length = len(next(iter(series.values())))
    return [_value(tree, {name: values[index] for name, values in series.items()}) for index in range(length)]


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression.strip(), mode="eval").body


def _value(node: ast.expr, at: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name) if name in at:
            return at[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            a, b = _value(left, at), _value(right, at)
            if a is None or b is None or (isinstance(op, ast.Div) and b == 0):
                return None  # CloudWatch returns no data for a division by zero
            return _ARITHMETIC[type(op)](a, b)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            a, b = _value(left, at), _value(right, at)
            return None if a is None or b is None else float(_COMPARISONS[type(op)](a, b))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            holds = _value(condition, at)
            return None if holds is None else _value(yes if holds else no, at)
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes]):
            return _value(yes, at) if _value(condition, at) else None
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, ast.Constant(value=int() | float() as other)]):
            found = _value(filled, at)
            has_data = any(value is not None for value in at.values())
            return found if found is not None or not has_data else float(other)
        case _:
            raise UnknownExpression(ast.unparse(node))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of Metrics Insights without groups: a statistic over all metrics of a schema."""

    statistic: Literal["Sum", "Maximum", "Minimum"]
    metric: str
    namespace: str
    dimension_names: frozenset[str]
    where: Mapping[str, str]


_FUNCTIONS: Final[Mapping[str, Literal["Sum", "Maximum", "Minimum"]]] = {
    "SUM": "Sum",
    "MAX": "Maximum",
    "MIN": "Minimum",
}
_QUERY: Final = re.compile(
    r'SELECT (?P<function>[A-Z]+)\((?P<metric>\w+)\) FROM SCHEMA\("(?P<namespace>[\w/]+)", (?P<names>[\w, ]+)\)'
    r"(?: WHERE (?P<where>.+))?"
)
_CONDITION: Final = re.compile(r"(\w+) = '([^']*)'")


@cache
def parse_query(text: str) -> Query:
    """Return the query in `text`.

    Raises:
        UnknownExpression: it has another form.
    """
    found = _QUERY.fullmatch(" ".join(text.split()))
    if found is None or found["function"] not in _FUNCTIONS:
        raise UnknownExpression(text)
    conditions = [_CONDITION.fullmatch(each) for each in (found["where"] or "").split(" AND ") if each]
    if not all(conditions):
        raise UnknownExpression(text)
    return Query(
        statistic=_FUNCTIONS[found["function"]],
        metric=found["metric"],
        namespace=found["namespace"],
        dimension_names=frozenset(name.strip() for name in found["names"].split(",")),
        where={each[1]: each[2] for each in conditions if each is not None},
    )

"""Reads an issuer entry's budgets."""

from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.policy import Budget, duration_between
from token_exchange.core.vocabulary import NAMES
from token_exchange.loading.fields import Fields, described

MOST_BUDGETS: Final = 5
"""Each costs every exchange a write, one after the other."""

_MOST_EXCHANGES: Final = 1_000_000
NO_STATE: Final = "needs a state table, which TOKEN_EXCHANGE_STATE_TABLE names"


def read_budgets(fields: Fields, preset: Preset | None, *, has_state: bool) -> tuple[Budget, ...]:
    """Return the budgets, in the order of the document, in which they are counted too."""
    budgets: list[Budget] = []
    for entry in fields.mappings("budgets"):
        per = entry.choice("per", NAMES)
        if per is not None and preset is not None and per not in preset.vocabulary:
            entry.problem("per", "unknown-name", f"no token of {preset.provider} has the {per}")
        exchanges = _exchanges(entry)
        every = entry.converted("every", duration_between("1s", "24h"), required=True)
        entry.finish()
        if per is not None and exchanges is not None and every is not None:
            budgets.append(Budget(per=per, exchanges=exchanges, every_seconds=every))
    if "budgets" in fields and not has_state:
        fields.problem("budgets", "conflict", NO_STATE)
    if len(budgets) > MOST_BUDGETS:
        fields.problem("budgets", "too-long", f"expected at most {MOST_BUDGETS} budgets")
    if len({(budget.per, budget.every_seconds) for budget in budgets}) < len(budgets):
        fields.problem("budgets", "duplicate-name", "two budgets count the same name in the same time")
    return tuple(budgets)


def _exchanges(entry: Fields) -> int | None:
    value = entry.take("exchanges", required=True)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_EXCHANGES:
        expected = f"expected a whole number between 1 and {_MOST_EXCHANGES}"
        entry.problem("exchanges", "bad-value", f"{expected}, found {described(value)}")
        return None
    return value

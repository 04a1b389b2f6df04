"""Budgets: so many exchanges in so long, so that one runaway pipeline cannot spend everybody's quota of STS and ECR.

A window is a fixed piece of time, counted from the epoch, and its count is one write; so at a window's end two
budgets can be spent in a row. A table that is down lets exchanges pass, unlike for tokens that count once: a budget
guards a quota, not a registry, and its failure must not stop every pipeline.
"""

from hashlib import sha256
from math import ceil
from typing import Final

from token_exchange.policy.judgement import Caller
from token_exchange.policy.model import Budget
from token_exchange.policy.reading.durations import spelled_duration
from token_exchange.ports import BudgetCounts, Deadline, StateEvents, StateUnavailable
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.state.lengths import length_prefixed

COUNT_SECONDS: Final = 1.0
"""For all budgets of an exchange together; a table that hangs must not hold up what it does not stop."""

_KEPT_SECONDS: Final = 3600
"""How long a count stays after its window, for people who look."""


class Budgets:
    """Counts the exchanges of issuers that have budgets; `counts` is None where there is no table."""

    def __init__(self, *, counts: BudgetCounts | None, events: StateEvents) -> None:
        self._counts = counts
        self._events = events

    def spend(self, caller: Caller, *, deadline: Deadline) -> None:
        """Count one exchange of `caller` on each budget of its issuer.

        Raises:
            Refused: `too-many-requests` where one is spent, with the seconds until its window ends.
        """
        if self._counts is None:
            return
        counting = deadline.within(COUNT_SECONDS)
        for budget in caller.issuer.budgets:
            window, since = divmod(caller.now, budget.every_seconds)
            ends_at = int((window + 1) * budget.every_seconds)
            try:
                has_room = self._counts.add(
                    _count_of(budget, caller, int(window)),
                    most=budget.exchanges,
                    expires_at_seconds=ends_at + _KEPT_SECONDS,
                    deadline=counting,
                )
            except StateUnavailable as cause:
                self._events.state_failed("budget", cause=cause)
                continue
            if not has_room:
                raise Refused(
                    Reason.TOO_MANY_REQUESTS,
                    f"the budget of {budget.exchanges} exchanges every {spelled_duration(budget.every_seconds)} "
                    f"for this {budget.per} is spent",
                    retry_after_seconds=max(1, ceil(budget.every_seconds - since)),
                )


def _count_of(budget: Budget, caller: Caller, window: int) -> str:
    """Return the name of a count; callers without the value share one, since nothing tells them apart."""
    value = caller.identity.vocabulary.get(budget.per)
    text = () if value is None else (type(value).__name__, str(value))
    parts = (caller.issuer.name, caller.issuer.trust.url, budget.per, str(budget.every_seconds), str(window), *text)
    return f"budget#{sha256(length_prefixed(*parts)).hexdigest()}"

"""Budgets: limits on exchanges in a period, counted in the state table.

One runaway pipeline must not use up the shared quota of STS and ECR. A window is a fixed piece of time, counted
from the epoch, and its count is one write; so at a window's end two budgets can be spent in a row. A table that is down
lets these exchanges pass, unlike for single use: a budget protects a quota and no registry, and its failure must not
stop every pipeline.
"""

from hashlib import sha256
from math import ceil
from typing import Final, Protocol

from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Budget
from token_exchange.core.ports import Deadline, StateEvents, StateUnavailable
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.single_use import length_prefixed
from token_exchange.loading.fields import spelled_duration


class BudgetCounts(Protocol):
    """Counts of exchanges, shared by all environments."""

    def add(self, count: str, *, most: int, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Add one to `count` unless it has reached `most`; return whether it was added.

        Raises:
            StateUnavailable: it is not known whether it was added.
        """
        ...


COUNT_SECONDS: Final = 1.0
"""For all budgets of an exchange together: a table that hangs must not delay exchanges that it cannot stop."""

_KEPT_SECONDS: Final = 3600
"""How long a count stays after its window, for operators who look at the table."""


class BudgetCounter:
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
                # Fails open, as the module says: a budget protects a quota, not a registry.
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
    """Return the name of a count; callers without the value share one, since nothing distinguishes them."""
    value = caller.identity.vocabulary.get(budget.per)
    text = () if value is None else (type(value).__name__, str(value))
    parts = (caller.issuer.name, caller.issuer.trust.url, budget.per, str(budget.every_seconds), str(window), *text)
    # A changed version starts all counts again, so a budget may be spent twice in the window of an upgrade.
    return f"budget#1#{sha256(length_prefixed(*parts)).hexdigest()}"

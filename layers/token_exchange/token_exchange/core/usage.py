"""Single use and budgets: what one exchange leaves behind for the next.

Single use: one mark for each token, set after the decision and before anything is minted. Of two environments that have
the same token at the same moment, one conditional write succeeds. Only the request that set a mark takes it back, if it
minted nothing after all.

Budgets: so many exchanges in so long, so that one runaway pipeline cannot use up the quota of STS and ECR that all
share. A window is a fixed piece of time, counted from the epoch, and its count is one write; so at a window's end two
budgets can be spent in a row. A table that is down lets these exchanges pass, unlike for single use: a budget guards a
quota and no registry, and its failure must not stop every pipeline.
"""

from hashlib import sha256
from math import ceil
from typing import Final

from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Budget, spelled_duration
from token_exchange.core.ports import BudgetCounts, Clock, Deadline, StateEvents, StateUnavailable, UseMarks
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import VerifiedToken


def length_prefixed(*parts: str) -> bytes:
    """Return `parts`, each preceded by its length in bytes, so that no two lists give the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(b"%d:%b" % (len(part), part) for part in encoded)


COUNT_SECONDS: Final = 1.0
"""For all budgets of an exchange together; a table that hangs must not hold up what it does not stop."""

_KEPT_SECONDS: Final = 3600
"""How long a count stays after its window, for operators who look at the table."""


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
                # Open on doubt, as the module says: a budget protects a quota, not a registry.
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


SPEND_SECONDS: Final = 3.0
"""For the one write that decides; a table that takes longer is as good as down."""

RELEASE_MILLISECONDS: Final = 500
"""For taking a mark back, even where the request's own time is over: a second is kept for the answer, and this is part
of it. A token that is spent for nothing costs a pipeline."""


class SpentToken:
    """A mark that this request has set."""

    def __init__(self, marks: UseMarks, events: StateEvents, *, mark: str, request_id: str) -> None:
        self._marks = marks
        self._events = events
        self._mark = mark
        self._request_id = request_id

    def release(self, *, clock: Clock) -> None:
        """Take the mark back; where that fails the token stays spent, and its holder needs a new one."""
        deadline = Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + RELEASE_MILLISECONDS / 1000)
        try:
            self._marks.release(self._mark, request_id=self._request_id, deadline=deadline)
        except StateUnavailable as cause:
            self._events.state_failed("release", cause=cause)


class SingleUse:
    """Lets each token be spent once; `marks` is None where there is no table, and then nothing can be spent."""

    def __init__(self, *, marks: UseMarks | None, events: StateEvents) -> None:
        self._marks = marks
        self._events = events

    def spend(self, token: VerifiedToken, *, request_id: str, deadline: Deadline) -> SpentToken:
        """Mark `token` as spent by this request, until it would be refused for its age in any case.

        Raises:
            Refused: `replayed` where another request has spent it, `state-unavailable` where that cannot be known.
        """
        # Closed on doubt, here and below: a token that may have been used before is treated as used.
        if self._marks is None:
            raise Refused(Reason.STATE_UNAVAILABLE, "a token cannot be used once without a state table")
        mark = mark_of(token)
        spent = SpentToken(self._marks, self._events, mark=mark, request_id=request_id)
        until = ceil(token.expires_at) + token.trust.leeway_seconds
        try:
            is_ours = self._marks.set(
                mark, request_id=request_id, expires_at_seconds=until, deadline=deadline.within(SPEND_SECONDS)
            )
        except StateUnavailable as cause:
            self._events.state_failed("spend", cause=cause)
            # The write may have arrived although its answer did not.
            spent.release(clock=deadline.clock)
            raise Refused(Reason.STATE_UNAVAILABLE, "whether the token was used before cannot be known") from cause
        if not is_ours:
            raise Refused(Reason.REPLAYED, "the token has been exchanged before, and its grant takes each token once")
        return spent


def mark_of(token: VerifiedToken) -> str:
    """Return the name of the token's mark.

    It is made of the issuer and `jti`, or where there is none of what was signed: never of the signature, since an
    ECDSA signature has two valid forms (SEC 1, section 4.1.4) and the other one would be another token.
    """
    identity = ("id", token.token_id) if token.token_id else ("signed", token.signed_part_sha256)
    return f"use#{sha256(length_prefixed(token.trust.url, *identity)).hexdigest()}"

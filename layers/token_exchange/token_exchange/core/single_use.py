"""Single use: a token that a grant accepts once is not exchanged twice.

Each token has one mark, which is set after the decision and before anything is minted. If two environments have the
same token at the same moment, only one conditional write succeeds. Only the request that set a mark releases it, if it
minted nothing.
"""

from hashlib import sha256
from math import ceil
from typing import Final

from token_exchange.core.ports import Clock, Deadline, StateEvents, StateUnavailable, UseMarks
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import VerifiedToken

SPEND_SECONDS: Final = 3.0
"""For the one write that decides; a slower table counts as unavailable."""

RELEASE_MILLISECONDS: Final = 500
"""For releasing a mark, even after the deadline: a token that is spent without a login makes a pipeline fail."""


class SpentToken:
    """A mark that this request has set."""

    def __init__(self, marks: UseMarks, events: StateEvents, *, mark: str, request_id: str) -> None:
        self._marks = marks
        self._events = events
        self._mark = mark
        self._request_id = request_id

    def release(self, *, clock: Clock) -> None:
        """Release the mark; if that fails, the token stays spent and its holder needs a new one."""
        deadline = Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + RELEASE_MILLISECONDS / 1000)
        try:
            self._marks.release(self._mark, request_id=self._request_id, deadline=deadline)
        except StateUnavailable as cause:
            self._events.state_failed("release", cause=cause)


class SingleUse:
    """Spends each token once. Without a state table, `marks` is None and no token can be spent."""

    def __init__(self, *, marks: UseMarks | None, events: StateEvents) -> None:
        self._marks = marks
        self._events = events

    def spend(self, token: VerifiedToken, *, request_id: str, deadline: Deadline) -> SpentToken:
        """Mark `token` as spent by this request, until it would be refused for its age in any case.

        Raises:
            Refused: `replayed` if another request has spent it, `state-unavailable` if that cannot be known.
        """
        # Fails closed, here and below: a token that may have been used before is treated as used.
        if self._marks is None:
            raise Refused(Reason.STATE_UNAVAILABLE, "single use needs a state table, and this service has none")
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
            raise Refused(
                Reason.STATE_UNAVAILABLE, "it cannot be determined whether the token was used before"
            ) from cause
        if not is_ours:
            raise Refused(Reason.REPLAYED, "the token was exchanged before, and its grant accepts each token only once")
        return spent


def mark_of(token: VerifiedToken) -> str:
    """Return the name of the token's mark.

    It is made of the issuer and `jti`, or of the issuer and the signed part if there is no `jti`. It never depends on
    the signature: an ECDSA signature has two valid forms (SEC 1, section 4.1.4), so one token could be spent twice.
    """
    identity = ("id", token.token_id) if token.token_id else ("signed", token.signed_part_sha256)
    return f"use#{sha256(length_prefixed(token.trust.url, *identity)).hexdigest()}"


def length_prefixed(*parts: str) -> bytes:
    """Return `parts`, each preceded by its length in bytes, so that no two lists give the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(b"%d:%b" % (len(part), part) for part in encoded)

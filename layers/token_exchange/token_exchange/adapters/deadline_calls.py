"""Calls that end when a request's time is over, whatever hangs below them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Final

from token_exchange.ports import Deadline
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

_MOST_AT_ONCE: Final = 64


class DeadlineCalls:
    """Runs calls on threads of its own.

    A client's time-outs bound each wait for a byte, and so neither a name look-up nor an answer that drips. A call
    that is given up goes on until its client's own time-outs end it; its result is dropped.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=_MOST_AT_ONCE, thread_name_prefix="aws")

    def call[T](self, function: Callable[[], T], *, deadline: Deadline) -> T:
        """Return what `function` returns, or raise what it raises.

        It runs with a copy of this thread's context variables.

        Raises:
            Refused: `deadline-exceeded`.
        """
        remaining = deadline.remaining_seconds()
        if remaining <= 0:
            raise _exceeded()
        future: Future[T] = self._threads.submit(copy_context().run, function)
        done, _ = wait([future], timeout=remaining)
        if not done:
            future.cancel()
            raise _exceeded()
        return future.result()


def _exceeded() -> Refused:
    return Refused(Reason.DEADLINE_EXCEEDED, "AWS did not answer in the time that this request had left")

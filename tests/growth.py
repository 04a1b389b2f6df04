"""How the time of something grows with the length of what it is given; how long it takes, no test says."""

import gc
import time
from collections.abc import Callable
from typing import Final

_FOUR_TIMES: Final = 4
_BETWEEN: Final = 2 * _FOUR_TIMES
"""Half way between what is linear, which takes four times as long for four times the length, and what is quadratic."""


def is_linear[T](call: Callable[[T], object], of_length: Callable[[int], T], length: int) -> bool:
    """Return whether `call` takes about four times as long for what is four times as long, and not sixteen times.

    It is this thread's processor time, and the least of several runs: what else the machine does counts for little.
    Three short runs and a long one show what is linear; only what seems not to be is run more often.
    """
    small, large = of_length(length), of_length(_FOUR_TIMES * length)
    gc.collect()
    shorts, longs = [], []
    # In turns, so that a busy moment of the machine hits both.
    for turn in range(15):
        shorts.append(_seconds(call, small))
        if turn > 1:
            longs.append(_seconds(call, large))
            if min(longs) < _BETWEEN * min(shorts):
                return True
    return False


def _seconds[T](call: Callable[[T], object], value: T) -> float:
    started = time.thread_time()
    call(value)
    return time.thread_time() - started

"""How the time of something grows with the length of what it is given; how long it takes, no test says."""

import gc
import time
from collections.abc import Callable

FOUR_TIMES = 4


def growth[T](call: Callable[[T], object], of_length: Callable[[int], T], length: int) -> float:
    """Return how many times as long `call` takes for what is four times as long: 4 where it is linear, 16 where not.

    It is this thread's processor time, and the least of several runs: what else the machine does counts for little.
    """
    small, large = of_length(length), of_length(FOUR_TIMES * length)
    gc.collect()
    # In turns, so that a busy moment of the machine hits both.
    spent = [(_seconds(call, small), _seconds(call, large)) for _ in range(15)]
    return min(long for _, long in spent) / min(short for short, _ in spent)


def _seconds[T](call: Callable[[T], object], value: T) -> float:
    started = time.thread_time()
    call(value)
    return time.thread_time() - started

"""How much of the processor one input may take."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_BASE_SECONDS: Final = 0.5
_SECONDS_PER_BYTE: Final = 2e-6
"""A slow machine reads a megabyte of JSON in a tenth of that; what is quadratic is past it at 64 KiB."""


class TookTooLong(BaseException):
    """The bound is reached. No `except Exception` of the code under test may catch it."""


def allowed_seconds(size_bytes: int) -> float:
    """Return the seconds of processor that an input of this size may take: linear, with room."""
    return _BASE_SECONDS + _SECONDS_PER_BYTE * size_bytes


_WORK: Final = json.dumps([{"name": str(number), "of": [number] * 10} for number in range(2000)])
_WORK_SECONDS: Final = 0.003
"""What `_work` takes on the machine on which the bounds were chosen."""


def slowness() -> float:
    """Return how many times as long as there the same work takes here and now; at least 1."""
    return max(1.0, min(_work() for _ in range(5)) / _WORK_SECONDS)


def _work() -> float:
    started = time.process_time()
    for found in json.loads(_WORK):
        "".join(sorted(found["name"] * 10))
    return time.process_time() - started


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the main thread once this process has used `seconds` of processor inside.

    Waiting costs nothing, so that a busy machine finds no more than a quiet one.
    """
    before = signal.signal(signal.SIGVTALRM, _ended)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _ended(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLong

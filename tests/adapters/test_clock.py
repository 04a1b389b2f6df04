import time

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.ports import Clock

CLOCK: Clock = SystemClock()


def test_the_clocks_of_the_machine() -> None:
    before = time.time(), time.monotonic()
    now = CLOCK.now(), CLOCK.monotonic()
    after = time.time(), time.monotonic()
    assert before[0] <= now[0] <= after[0]
    assert before[1] <= now[1] <= after[1]

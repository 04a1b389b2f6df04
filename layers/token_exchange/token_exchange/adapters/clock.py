"""The clocks of the machine."""

import time


class SystemClock:
    """Fulfils `Clock`."""

    def now(self) -> float:
        """Return the wall clock's time, in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on the clock that no correction moves."""
        return time.monotonic()

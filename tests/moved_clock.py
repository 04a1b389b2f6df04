"""A clock for what lies around a process whose own clock cannot be moved."""

import time


class MovedClock:
    """This machine's clock, some seconds ahead."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds

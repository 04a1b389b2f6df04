"""A clock that only advances when a test says so."""

NOW = 1_795_165_260.0
"""A minute after the sample claims were issued."""


class FakeClock:
    def __init__(self, *, now: float = NOW, monotonic: float = 1000.0) -> None:
        self.wall_seconds = now
        self.monotonic_seconds = monotonic

    def now(self) -> float:
        return self.wall_seconds

    def monotonic(self) -> float:
        return self.monotonic_seconds

    def advance(self, seconds: float) -> None:
        self.wall_seconds += seconds
        self.monotonic_seconds += seconds

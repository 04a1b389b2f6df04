"""One attempt at an exchange: what is known of it so far, how long its parts took, and by when it must end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from token_exchange.core.ports import Clock

type Part = Literal["verify", "keys", "decide", "state", "sts", "ecr", "secret", "total"]


class Timings:
    """Milliseconds spent in each part of one request, summed where a part is entered more than once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._milliseconds: dict[Part, float] = {}

    @contextmanager
    def measure(self, part: Part) -> Iterator[None]:
        """Add the time spent in the `with` block to `part`, also when it ends by an exception."""
        started = self._clock.monotonic()
        try:
            yield
        finally:
            spent = (self._clock.monotonic() - started) * 1000
            self._milliseconds[part] = self._milliseconds.get(part, 0.0) + spent

    def milliseconds(self) -> Mapping[Part, float]:
        """Return what was measured so far, rounded to a microsecond."""
        return {part: round(spent, 3) for part, spent in self._milliseconds.items()}

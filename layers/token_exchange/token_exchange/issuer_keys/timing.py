"""The timing rules of one issuer's keys: when they are fresh, usable, and due for a fetch. Nothing here waits."""

from typing import Final, Literal, Self, assert_never

from token_exchange.core.keys import KeySet
from token_exchange.core.ports import Clock
from token_exchange.core.record import record

type Purpose = Literal["renewal", "unknown-key"]
"""Why a set is fetched: the set in use is old or missing, or it does not verify a token."""

FRESH_SECONDS: Final = 10 * 60
USABLE_SECONDS: Final = 24 * 60 * 60
UNKNOWN_KEY_COOLDOWN_SECONDS: Final = 30
_FIRST_PAUSE_SECONDS: Final = 1
_LONGEST_PAUSE_SECONDS: Final = 60


@record
class Moment:
    """A point in time on both clocks.

    A frozen environment may stop the monotonic clock and a correction may move the wall clock, so time is
    never measured by one of them.
    """

    wall_seconds: float
    monotonic_seconds: float

    @classmethod
    def read(cls, clock: Clock) -> Self:
        """Return what `clock` says now."""
        return cls(wall_seconds=clock.now(), monotonic_seconds=clock.monotonic())

    def seconds_since(self, earlier: Self) -> float:
        """Return the longer of the times that passed on the two clocks."""
        return max(self.wall_seconds - earlier.wall_seconds, self.monotonic_seconds - earlier.monotonic_seconds)

    def precedes(self, other: Self) -> bool:
        """Return whether either clock went backwards from `other` to here."""
        return self.wall_seconds < other.wall_seconds or self.monotonic_seconds < other.monotonic_seconds


@record
class HeldKeys:
    """A usable key set and when its fetch began."""

    keys: KeySet
    fetched_at: Moment

    def age_seconds(self, now: Moment) -> float:
        """Return how old the set is at `now`."""
        return now.seconds_since(self.fetched_at)

    def is_fresh(self, now: Moment) -> bool:
        """Return whether the set may be used without asking the issuer; one from the future may not."""
        return not now.precedes(self.fetched_at) and self.age_seconds(now) <= FRESH_SECONDS

    def is_usable(self, now: Moment) -> bool:
        """Return whether the set may be used where the issuer cannot be reached."""
        return self.age_seconds(now) <= USABLE_SECONDS


class IssuerKeys:
    """The key set of one issuer across its fetches. Not thread-safe: callers hold a lock."""

    __slots__ = ("_failed_at", "_failures", "_held", "_unknown_key_at")

    def __init__(self) -> None:
        self._held: HeldKeys | None = None
        self._failures = 0
        self._failed_at: Moment | None = None
        self._unknown_key_at: Moment | None = None

    def usable(self, now: Moment) -> HeldKeys | None:
        """Return the set that may be used at `now`, fresh or not."""
        return self._held if self._held is not None and self._held.is_usable(now) else None

    @property
    def failing(self) -> bool:
        """Whether the last fetch failed, so that what the issuer publishes now is not known."""
        return self._failures > 0

    def wait_seconds(self, purpose: Purpose, now: Moment) -> float:
        """Return how many seconds a fetch for `purpose` has to wait at `now`; 0 or less where it need not.

        After failures the pause grows: 1, 2, 4 … 60 s. An unknown key, which anyone can cause, leads to one fetch
        in 30 s, whether that fetch succeeds or not.
        """
        pause = 0.0
        if self._failed_at is not None:
            longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10))
            pause = longest - now.seconds_since(self._failed_at)
        match purpose:
            case "renewal":
                return pause
            case "unknown-key":
                if self._unknown_key_at is None:
                    return pause
                return max(pause, UNKNOWN_KEY_COOLDOWN_SECONDS - now.seconds_since(self._unknown_key_at))
            case unknown:
                assert_never(unknown)

    def started(self, purpose: Purpose, now: Moment) -> None:
        """Record that a fetch begins."""
        if purpose == "unknown-key":
            self._unknown_key_at = now

    def succeeded(self, keys: KeySet, *, fetched_at: Moment) -> None:
        """Take `keys`, whose fetch began at `fetched_at`, into use."""
        self._held = HeldKeys(keys=keys, fetched_at=fetched_at)
        self._failures = 0
        self._failed_at = None

    def offered(self, shared: HeldKeys) -> bool:
        """Use a set that another environment fetched, unless the current one is newer; return whether it is used."""
        if self._held is not None and shared.fetched_at.wall_seconds <= self._held.fetched_at.wall_seconds:
            return False
        self._held = shared
        return True

    def failed(self, now: Moment) -> None:
        """Record that a fetch ended at `now` without a usable set; the set in use stays as it is."""
        self._failures += 1
        self._failed_at = now

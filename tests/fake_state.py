"""A state table in memory, which fails on request."""

from dataclasses import dataclass, field

from tests.fake_clock import FakeClock
from token_exchange.core.ports import Deadline, StateTask, StateUnavailable


@dataclass(slots=True, kw_only=True)
class FakeState:
    """Fulfils `UseMarks` and `BudgetCounts`. `down` names the calls that fail, `lost` those whose answer is lost.

    `hangs` names those that do nothing until they are given up at their deadline, on a clock that is told so.
    """

    marks: dict[str, tuple[str, int]] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    hangs: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def set(self, mark: str, *, request_id: str, expires_at_seconds: int, deadline: Deadline) -> bool:
        self._asked("set", deadline)
        holder, _ = self.marks.setdefault(mark, (request_id, expires_at_seconds))
        self._answered("set")
        return holder == request_id

    def release(self, mark: str, *, request_id: str, deadline: Deadline) -> None:
        self._asked("release", deadline)
        if self.marks.get(mark, ("", 0))[0] == request_id:
            del self.marks[mark]
        self._answered("release")

    def add(self, count: str, *, most: int, expires_at_seconds: int, deadline: Deadline) -> bool:
        self._asked("add", deadline)
        spent, _ = self.counts.get(count, (0, 0))
        if spent < most:
            self.counts[count] = (spent + 1, expires_at_seconds)
        self._answered("add")
        return spent < most

    def _asked(self, call: str, deadline: Deadline) -> None:
        if deadline.remaining_seconds() <= 0:
            raise StateUnavailable(f"{call}: no time is left")
        self.calls.append(call)
        if call in self.hangs:
            assert isinstance(deadline.clock, FakeClock)
            deadline.clock.advance(deadline.remaining_seconds())
            raise StateUnavailable(f"{call}: given up")
        if call in self.down:
            raise StateUnavailable(f"{call}: the table is down")

    def _answered(self, call: str) -> None:
        if call in self.lost:
            raise StateUnavailable(f"{call}: the answer is lost")


class RecordedStateEvents:
    """Fulfils `StateEvents`."""

    def __init__(self) -> None:
        self.failed: list[StateTask] = []

    def state_failed(self, task: StateTask, *, cause: Exception) -> None:
        assert isinstance(cause, StateUnavailable)
        self.failed.append(task)

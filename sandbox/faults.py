"""Planned failures: a test or a person plans them, and a server takes them."""

import threading
from dataclasses import dataclass
from typing import Final

from sandbox.loopback import Answer


@dataclass(slots=True)
class _Planned[Fault]:
    fault: Fault
    times_left: int | None


class Faults[Target, Fault]:
    """Planned faults by target, in order."""

    def __init__(self) -> None:
        self._planned: dict[Target, list[_Planned[Fault]]] = {}
        self._lock = threading.Lock()

    def plan(self, target: Target, fault: Fault, *, times: int | None = None) -> None:
        """Let `target` fail with `fault`, `times` times, or until `clear`."""
        with self._lock:
            self._planned.setdefault(target, []).append(_Planned(fault, times))

    def take(self, target: Target) -> Fault | None:
        """Return the fault for this request, and count it."""
        with self._lock:
            queue = self._planned.get(target)
            if not queue:
                return None
            planned = queue[0]
            if planned.times_left is not None:
                planned.times_left -= 1
                if planned.times_left <= 0:
                    queue.pop(0)
            return planned.fault

    def clear(self) -> None:
        """Remove all planned faults."""
        with self._lock:
            self._planned.clear()


def planned(what: str, times: str) -> Answer:
    """Return what a person who planned a fault reads; without a number it stays until it is removed."""
    often = f"times={times}" if times.isdecimal() else "until it is removed"
    return _text(f"planned {what}, {often}\n")


def _text(text: str) -> Answer:
    return Answer(headers=(("content-type", "text/plain"),), body=text.encode())


NONE_PLANNED: Final = _text("no faults are planned\n")

"""Draws inputs for a target until the time is up, and makes every finding small.

The same seed draws the same inputs in the same order. What Hypothesis does for us is drawing and shrinking: it runs in
rounds, each with a seed made of the run's.
"""

import json
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Flaky

from fuzz.bounds import TookTooLong, allowed_seconds, at_most, slowness
from fuzz.target import Broken, Json, Target

_ROUND: Final = 200
"""Inputs in a round: enough for one to grow out of what the last ones taught, few enough to start afresh often."""
_SHRINK_SECONDS: Final = 20.0
_TOO_LONG_TIMES: Final = 3
"""How often an input must take too long; after the first time, the bound follows the speed of the machine."""

_OURS: Final = ("token_exchange", "token_exchange_cli", "exchange", "fuzz")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An input for which a law does not hold, the smallest that was found. `law` and `place` tell findings apart."""

    target: str
    law: str
    place: str
    text: str
    given: Json = field(repr=False)


@dataclass(kw_only=True)
class Report:
    """What a target's time brought."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)


class _TimeIsUp(BaseException):
    """Ends a round in the middle, past everything that catches exceptions."""


class _Failed(Exception):
    """One and the same failure for Hypothesis, whatever it was."""


def replay(target: Target, inputs: Iterator[Json]) -> Report:
    """Send `inputs`, which were kept, and return what came of it."""
    report = Report(target=target.name)
    started = time.monotonic()
    for one in inputs:
        report.inputs += 1
        found = tried(target, one)
        if found is not None:
            report.findings.append(found)
    report.seconds = time.monotonic() - started
    return report


def hunt(
    target: Target, *, seed: int, seconds: float, rounds: int | None = None, known: Sequence[Finding] = ()
) -> Report:
    """Send drawn inputs for so many seconds, shrinking not counted, and return what came of it.

    `rounds` ends it earlier, after so many. Findings like one of the `known` are not reported again.
    """
    return _Hunt(target, seed=seed, seconds=seconds, known=known).run(rounds)


def tried(target: Target, one: Json) -> Finding | None:
    """Send one input and return the finding that it is, if it is one."""
    seconds = allowed_seconds(target.size_bytes(one))
    late: TookTooLong | None = None
    for _ in range(_TOO_LONG_TIMES):
        try:
            with at_most(seconds):
                target.check(one)
        except TookTooLong as error:
            late = error
            seconds = allowed_seconds(target.size_bytes(one)) * slowness()
            continue
        except Broken as broken:
            return Finding(target=target.name, law=broken.law, place="", text=str(broken), given=one)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            law, text = type(error).__name__, "".join(traceback.format_exception(error)).strip()
            return Finding(target=target.name, law=law, place=_place(error), text=text, given=one)
        return None
    return Finding(
        target=target.name,
        law="linear-time",
        place="" if late is None else _place(late),
        text=f"more than {seconds:.2f} s of processor for {target.size_bytes(one)} bytes, {_TOO_LONG_TIMES} times",
        given=one,
    )


def kept(folder: Path, target: Target) -> Iterator[Json]:
    """Yield the inputs of `target` that lie in `folder`."""
    for path in sorted((folder / target.name).glob("*.json")):
        found: Json = json.loads(path.read_text())
        yield found


class _Hunt:
    def __init__(self, target: Target, *, seed: int, seconds: float, known: Sequence[Finding]) -> None:
        self._target = target
        self._seed = seed
        self._seconds = seconds
        self._known = known
        self._report = Report(target=target.name)
        self._ends_at = 0.0
        self._smallest: Finding | None = None
        self._shrink_until = 0.0

    def run(self, rounds: int | None) -> Report:
        number = 0
        while number != rounds and (left := self._seconds - self._report.seconds) > 0:
            started = time.monotonic()
            self._ends_at = started + left
            found = self._round(number)
            number += 1
            if found is None:
                self._report.seconds += time.monotonic() - started
            else:
                # Making it small is not what the time was given for.
                self._report.seconds += min(left, self._shrink_until - _SHRINK_SECONDS - started)
                self._report.findings.append(found)
        return self._report

    def _round(self, number: int) -> Finding | None:
        """Send one round's inputs, and return the smallest for which a law does not hold."""
        self._smallest = None
        digest = sha256(f"{self._seed} {self._target.name} {number}".encode()).digest()

        @hypothesis.seed(int.from_bytes(digest[:8]))
        @settings(
            max_examples=_ROUND,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=hypothesis.Verbosity.quiet,
        )
        @given(self._target.inputs)
        def send(one: Json) -> None:
            self._send(one)

        # What the smallest one was is known, also where it was at the edge of its time.
        with suppress(_TimeIsUp, _Failed, Flaky):
            send()
        return self._smallest

    def _send(self, one: Json) -> None:
        smallest = self._smallest
        if time.monotonic() > (self._ends_at if smallest is None else self._shrink_until):
            raise _TimeIsUp
        self._report.inputs += smallest is None
        found = tried(self._target, one)
        if found is None or self._is_known(found):
            return
        if smallest is None:
            self._shrink_until = time.monotonic() + _SHRINK_SECONDS
        elif smallest.law != found.law or (smallest.place != found.place and found.law != "linear-time"):
            return  # another one, whose turn comes; where the time is up is chance
        if smallest is None or _weight(found.given) <= _weight(smallest.given):
            self._smallest = found
        raise _Failed(found.law)

    def _is_known(self, found: Finding) -> bool:
        return any((one.law, one.place) == (found.law, found.place) for one in [*self._known, *self._report.findings])


def _weight(one: Json) -> int:
    return len(json.dumps(one))


def _place(error: BaseException) -> str:
    """Return the innermost function of ours that `error` came through."""
    ours = [
        f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS
    ]
    return next((place for place in reversed(ours) if not place.startswith("fuzz.bounds")), "")

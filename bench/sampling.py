"""Samples of several things, taken in turns, so that what else the machine does falls on all of them alike."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def seconds_in_turns(
    calls: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 3,
    repeat: Mapping[str, int] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the time of each of `calls`, by its name: one sample in each round, after some that do not count.

    `repeat` says how many calls a sample is the mean of, for those that are short beside the clock, which is the wall's
    unless another is given.
    """
    times = {name: (repeat or {}).get(name, 1) for name in calls}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    order = list(calls.items())
    for counted in (*[False] * warm_up, *[True] * rounds):
        order.reverse()
        for name, call in order:
            started = clock()
            for _ in range(times[name]):
                call()
            spent = (clock() - started) / times[name]
            if counted:
                samples[name].append(spent)
    return samples


def medians(samples: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the median of each."""
    return {name: median(values) for name, values in samples.items()}


def ratio(ours: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the median of each round's ratio: its samples are neighbours in time, if the machine's speed drifts."""
    return median(one / other for one, other in zip(ours, baseline, strict=True))

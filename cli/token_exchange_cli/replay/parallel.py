"""Replay a long log on every processor: lines are decided in batches, and reported in the order of the log."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import batched, chain, islice
from multiprocessing import get_context
from typing import Final

from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.inputs import PolicyInput
from token_exchange_cli.logs.lines import LogLine
from token_exchange_cli.replay.replay import Difference, Replay, Tally

_BATCH_LINES: Final = 500
FIRST_LINES: Final = 20_000
"""So many lines are decided here, in about a second: the start of other processes costs as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was found in some lines: `tally` counts them only, and `problems` are of lines that could not be read."""

    differences: tuple[Difference, ...]
    tally: Tally
    problems: tuple[tuple[int, str], ...]
    last_line: int
    records: int


def decided(
    before: PolicyInput, after: PolicyInput, lines: Iterable[LogLine], *, first_lines: int = FIRST_LINES
) -> Iterator[Decided]:
    """Yield what is found in `lines`, batch by batch, in their order.

    Raises:
        Unusable: a policy does not load, or a file of the log cannot be read.
    """
    replay = _replay(before, after)
    remaining = iter(lines)
    for batch in batched(islice(remaining, first_lines), _BATCH_LINES):
        yield decide(replay, batch)
    next_line = next(remaining, None)
    if next_line is not None:
        yield from _elsewhere(before, after, chain([next_line], remaining))


def _replay(before: PolicyInput, after: PolicyInput) -> Replay:
    return Replay(before.usable(), after.usable())


def _elsewhere(before: PolicyInput, after: PolicyInput, lines: Iterable[LogLine]) -> Iterator[Decided]:
    count = os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count()
    workers = count or 1
    pending: deque[Future[Decided]] = deque()
    # Started afresh: a copy of this process could have copied another thread's lock.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(before, after)
    ) as pool:
        for batch in batched(lines, _BATCH_LINES):
            # No more than this is in memory, however fast the log is read.
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
            pending.append(pool.submit(_decide_there, batch))
        while pending:
            yield pending.popleft().result()


_of_process: list[Replay] = []


def _start(before: PolicyInput, after: PolicyInput) -> None:
    _of_process.append(_replay(before, after))


def _decide_there(lines: Sequence[LogLine]) -> Decided:
    return decide(_of_process[0], lines)


def decide(replay: Replay, lines: Sequence[LogLine]) -> Decided:
    """Decide `lines`; `replay` keeps what it remembers, and its tally starts again."""
    replay.tally = Tally()
    problems: list[tuple[int, str]] = []
    differences: list[Difference] = []
    for line in lines:
        if line.problem is not None:
            problems.append((line.number, line.problem))
        elif not line.audit:
            replay.skip("other-lines")
        for text in line.audit:
            try:
                record = parse_object(text, max_values=None)
            except NotStrictJson as error:
                problems.append((line.number, str(error)))
                continue
            difference = replay.difference(line.number, record)
            if difference is not None:
                differences.append(difference)
    replay.tally.skipped["unreadable"] += len(problems)
    return Decided(
        differences=tuple(differences),
        tally=replay.tally,
        problems=tuple(problems),
        last_line=lines[-1].number,
        records=sum(len(line.audit) for line in lines),
    )

"""Replay a long log on every processor: lines are decided in batches, and reported in the order of the log."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import batched, chain
from multiprocessing import get_context
from typing import Final

from token_exchange.core.strict_json import NotStrictJson
from token_exchange_cli.inputs import PolicyInput
from token_exchange_cli.logs.lines import Block, LogLine
from token_exchange_cli.replay.recorded import record_in, whole_record
from token_exchange_cli.replay.replay import Difference, Replay, Tally

type Part = Block | LogLine

_PARTS_AT_ONCE: Final = 16
"""A megabyte."""

FIRST_LINES: Final = 20_000
"""So many lines are decided here, in about a second: the start of other processes costs as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was found in some lines: `tally` counts them only, and `problems` are of lines that could not be read."""

    differences: tuple[Difference, ...]
    tally: Tally
    problems: tuple[tuple[int, str], ...]
    lines: int
    records: int


def decided(
    before: PolicyInput, after: PolicyInput, parts: Iterable[Part], *, first_lines: int = FIRST_LINES
) -> Iterator[Decided]:
    """Yield what is found in `parts`, some at a time, in their order.

    Raises:
        Unusable: a policy does not load, or a file of the log cannot be read.
    """
    replay = _replay(before, after)
    remaining = iter(parts)
    lines = 0
    for some in batched(remaining, _PARTS_AT_ONCE):
        found = decide(replay, some)
        yield found
        lines += found.lines
        if lines >= first_lines:
            yield from _elsewhere(before, after, remaining)


def _replay(before: PolicyInput, after: PolicyInput) -> Replay:
    return Replay(before.usable(), after.usable())


def _elsewhere(before: PolicyInput, after: PolicyInput, parts: Iterator[Part]) -> Iterator[Decided]:
    part = next(parts, None)
    if part is None:
        return
    count = os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count()
    workers = count or 1
    pending: deque[Future[Decided]] = deque()
    # Started afresh: a copy of this process could have copied another thread's lock.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(before, after)
    ) as pool:
        for some in batched(chain([part], parts), _PARTS_AT_ONCE):
            # No more than this is in memory, however fast the log is read.
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
            pending.append(pool.submit(_decide_there, some))
        while pending:
            yield pending.popleft().result()


_of_process: list[Replay] = []


def _start(before: PolicyInput, after: PolicyInput) -> None:
    _of_process.append(_replay(before, after))


def _decide_there(parts: Sequence[Part]) -> Decided:
    return decide(_of_process[0], parts)


def decide(replay: Replay, parts: Sequence[Part]) -> Decided:
    """Decide the lines of `parts`; `replay` keeps what it remembers, and its tally starts again."""
    replay.tally = Tally()
    problems: list[tuple[int, str]] = []
    differences: list[Difference] = []
    lines = records = 0
    for line in chain.from_iterable(part.lines(whole_record) if isinstance(part, Block) else (part,) for part in parts):
        lines += 1
        records += len(line.audit)
        if line.problem is not None:
            problems.append((line.number, line.problem))
        elif not line.audit:
            replay.skip("other-lines")
        for text in line.audit:
            try:
                record = line.record or record_in(text)
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
        lines=lines,
        records=records,
    )

"""Searches for the most expensive string within a limit: seeded, from a grammar, by measured cost.

A candidate is a head, runs of units that fill the length, and a tail; the most expensive ones so far are mutated
repeatedly, which finds strings that no one would think of.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

_FIRST: Final = 24
"""Candidates that are drawn before any is changed."""
_KEPT: Final = 6
_MOST_ATOMS: Final = 4
_MOST_RUNS: Final = 3
_SHARES: Final = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What candidates are made of. `limit` is the most octets of one; `{n}` in an atom becomes a fresh number."""

    limit: int
    atoms: tuple[str, ...]
    heads: tuple[str, ...] = ("",)
    tails: tuple[str, ...] = ("",)
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A unit, again and again, for a share of the length."""

    unit: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text, by its parts."""

    head: str
    runs: tuple[Run, ...]
    tail: str

    def spelled(self, grammar: Grammar) -> str:
        """Return the text, which is as long as `grammar` allows or shorter."""
        left = grammar.limit - _octets(self.head) - _octets(self.tail)
        parts: list[str] = []
        for run in self.runs:
            fresh, used = _run(run, int(left * run.share), grammar.separator, start=len(parts))
            parts += fresh
            left -= used
        return self.head + grammar.separator.join(parts) + self.tail


def _run(run: Run, octets: int, separator: str, *, start: int) -> tuple[list[str], int]:
    unit = separator.join(run.unit)
    if "{n}" not in unit:
        parts = [unit] * (octets // (_octets(unit) + len(separator)))
        return parts, len(parts) * (_octets(unit) + len(separator))
    parts = []
    used = 0
    while True:
        part = unit.replace("{n}", f"{start + len(parts):x}")
        used += _octets(part) + len(separator)
        if used > octets:
            return parts, used - _octets(part) - len(separator)
        parts.append(part)


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The most expensive string found, and its measured cost."""

    text: str
    cost: float
    candidate: Candidate


def costliest(grammar: Grammar, cost: Callable[[str], float], *, candidates: int, seed: int) -> Found:
    """Return the most expensive of so many candidates; the same for the same seed where `cost` is the same."""
    chance = random.Random(seed)  # noqa: S311 - the same search each time
    kept: list[tuple[float, Candidate]] = []
    for number in range(candidates):
        candidate = _drawn(grammar, chance) if number < _FIRST else _changed(chance.choice(kept)[1], grammar, chance)
        kept.append((cost(candidate.spelled(grammar)), candidate))
        kept.sort(key=lambda one: one[0], reverse=True)
        del kept[_KEPT:]
    spent, best = kept[0]
    return Found(text=best.spelled(grammar), cost=spent, candidate=best)


def _drawn(grammar: Grammar, chance: random.Random) -> Candidate:
    return Candidate(
        head=chance.choice(grammar.heads),
        runs=tuple(_drawn_run(grammar, chance) for _ in range(chance.randint(1, _MOST_RUNS))),
        tail=chance.choice(grammar.tails),
    )


def _drawn_run(grammar: Grammar, chance: random.Random) -> Run:
    unit = tuple(chance.choice(grammar.atoms) for _ in range(chance.randint(1, _MOST_ATOMS)))
    return Run(unit=unit, share=chance.choice(_SHARES))


def _changed(candidate: Candidate, grammar: Grammar, chance: random.Random) -> Candidate:
    runs = [*candidate.runs]
    place = chance.randrange(len(runs))
    match chance.randrange(6):
        case 0:
            return replace(candidate, head=chance.choice(grammar.heads), tail=chance.choice(grammar.tails))
        case 1:
            runs[place] = replace(runs[place], share=chance.choice(_SHARES))
        case 2 if len(runs) < _MOST_RUNS:
            runs.insert(place, _drawn_run(grammar, chance))
        case 3 if len(runs) > 1:
            del runs[place]
        case 4:
            chance.shuffle(runs)
        case _:
            runs[place] = replace(runs[place], unit=_changed_unit(runs[place].unit, grammar, chance))
    return replace(candidate, runs=tuple(runs))


def _changed_unit(unit: Sequence[str], grammar: Grammar, chance: random.Random) -> tuple[str, ...]:
    atoms = [*unit]
    place = chance.randrange(len(atoms))
    match chance.randrange(3):
        case 0 if len(atoms) < _MOST_ATOMS:
            atoms.insert(place, chance.choice(grammar.atoms))
        case 1 if len(atoms) > 1:
            del atoms[place]
        case _:
            atoms[place] = chance.choice(grammar.atoms)
    return tuple(atoms)

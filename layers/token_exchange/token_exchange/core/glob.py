"""Globs over claims: `*` is any characters but `/` and `:`, `**` any characters, `?` one character but those two.

The whole value must match, and nothing else is special. A policy has no regular expressions: an unanchored one matches
`a.example.attacker.example`. An attacker can write a claim, so the time to match one is linear in its length, whatever
it holds.
"""

from typing import Final

from token_exchange.core.record import positional_record

STOPS: Final = frozenset("/:")
"""They separate the parts of a name: `acme/*` matches the repositories of acme, but no path below them."""

MAX_GLOB_CHARACTERS: Final = 1024
"""A compiled glob is an integer with a bit for each token, so compiling takes time quadratic in its length.

The longest known names, GitHub's workflows with their repository and ref, have some 700 characters.
"""


@positional_record
class Glob:
    """A compiled glob.

    After the literal prefix it is a sequence of tokens. Matching keeps the set of possible positions in it as the bits
    of one integer (Glushkov's automaton), so each character of the value costs a few operations, without backtracking.
    """

    pattern: str
    _prefix: str
    _literals: dict[str, int]
    _any_one: int
    _any_run: int
    _any_run_at_all: int
    _end: int

    def matches(self, value: str) -> bool:
        """Return whether the whole of `value` matches."""
        if not value.startswith(self._prefix):
            return False
        runs = self._any_run | self._any_run_at_all
        at = _skip_runs(1, runs)
        for char in value[len(self._prefix) :]:
            stops = char in STOPS
            stay = self._any_run_at_all if stops else runs
            step = self._literals.get(char, 0) | (0 if stops else self._any_one)
            at = _skip_runs((at & stay) | ((at & step) << 1), runs)
            if not at:
                return False
        return bool(at & self._end)


def compile_glob(pattern: str) -> Glob:
    """Return the compiled form of `pattern`."""
    prefix = pattern[: min((i for i, char in enumerate(pattern) if char in "*?"), default=len(pattern))]
    literals: dict[str, int] = {}
    any_one = any_run = any_run_at_all = 0
    bit = 1
    for token in tokens_of(pattern[len(prefix) :]):
        match token:
            case "*":
                any_run |= bit
            case "**":
                any_run_at_all |= bit
            case "?":
                any_one |= bit
            case _:
                literals[token] = literals.get(token, 0) | bit
        bit <<= 1
    return Glob(pattern, prefix, literals, any_one, any_run, any_run_at_all, bit)


def tokens_of(pattern: str) -> list[str]:
    """Split `pattern` into characters and runs; adjacent stars are one token, of the wider kind."""
    tokens: list[str] = []
    stars = 0
    for char in [*pattern, ""]:
        if char == "*":
            stars += 1
            continue
        if stars:
            tokens.append("*" if stars == 1 else "**")
            stars = 0
        if char:
            tokens.append(char)
    return tokens


def _skip_runs(at: int, runs: int) -> int:
    """Add the positions behind each run, which may also be empty; no two runs are adjacent."""
    return at | ((at & runs) << 1)

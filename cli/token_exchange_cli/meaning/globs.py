"""Whether one glob over claims matches all that another does."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

_STOPS: Final = frozenset("/:")

_ONE, _RUN, _RUN_AT_ALL = "?", "*", "**"


def is_within(narrow: str, wide: str) -> bool:
    """Say whether every text that the glob `narrow` matches is one that `wide` matches.

    `True` is proven. `False` says that nothing was shown: a run in `narrow` is only ever taken up by one run of
    `wide`, so `a*` is not found to be within a list of all that it can be.
    """
    tokens = _tokens(wide)
    at = _skip_runs({0}, tokens)
    for token in _tokens(narrow):
        at = _skip_runs({after for place in at for after in _after(place, token, tokens)}, tokens)
    return len(tokens) in at


def _after(place: int, token: str, tokens: Sequence[str]) -> Iterable[int]:
    """Return where `tokens` can stand once they have taken up all that `token` can be."""
    if place == len(tokens):
        return ()
    match tokens[place]:
        case "**":
            return (place,)
        case "*":
            return (place,) if token != _RUN_AT_ALL and token not in _STOPS else ()
        case "?":
            return (place + 1,) if token not in (_RUN, _RUN_AT_ALL) and token not in _STOPS else ()
        case literal:
            return (place + 1,) if token == literal else ()


def _skip_runs(places: set[int], tokens: Sequence[str]) -> set[int]:
    """Add the places behind each run, which may also be empty."""
    found = set(places)
    for place in places:
        if place < len(tokens) and tokens[place] in (_RUN, _RUN_AT_ALL):
            found.add(place + 1)
    return found


def _tokens(pattern: str) -> list[str]:
    tokens: list[str] = []
    for is_star, characters in groupby(pattern, lambda character: character == "*"):
        run = "".join(characters)
        tokens += [_RUN if run == "*" else _RUN_AT_ALL] if is_star else run
    return tokens

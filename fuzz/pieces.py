"""Hostile text, drawn and kept as pieces that are repeated, so that a large one is as easily read as a small one."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.target import Json

COUNTER: Final = "\N{SECTION SIGN}"
"""Stands for the number of the repetition, so that repeated pieces can differ."""

JSON_PIECES: Final = (
    *'{}[]:," \n\t\\',
    '"a":1',
    f'"{COUNTER}":1,',
    f'"{COUNTER}":{{"a":[]}},',
    '"z":1,"z":1',
    '"kid":',
    '"keys":[',
    "[[",
    '{"a":',
    "null",
    "true",
    "NaN",
    "Infinity",
    "-0",
    "1e309",
    "1e-400",
    "0.1",
    "12345678901234567890",
    "99999999999999999999999",
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\u0000"',
    "\ufeff",
    "\u2028",
    "\x00",
    "\x7f",
    "\ud800",
    "é",
)


def texts(
    pieces: Sequence[str], *, most_characters: int, samples: Sequence[str] = (), most_pieces: int = 8
) -> SearchStrategy[Json]:
    """Draw a text of `pieces`, among them parts of `samples`, some of them many times over."""
    times = st.integers(1, 3) | st.integers(1, 3) | many(most_characters)
    piece = st.sampled_from(pieces) | st.text(max_size=4)
    if samples:
        piece |= st.sampled_from(samples) | st.builds(_part, st.sampled_from(samples), st.integers(0), st.integers(0))
    return st.lists(st.tuples(piece, times).map(list[Json]), max_size=most_pieces).map(
        lambda drawn: _cut(drawn, most_characters)
    )


def grown(before: str, piece: str, after: str, *, most_times: int) -> SearchStrategy[Json]:
    """Draw a text in which one piece stands many times: what is not linear shows here."""
    return many(most_times).map(lambda times: [[before, 1], [piece, times], [after, 1]])


def many(most: int) -> SearchStrategy[int]:
    """Draw a number of repetitions, a small one as often as a large one: large inputs take their time."""
    powers = st.integers(0, most.bit_length() - 1)
    return st.builds(lambda power, more: min(most, 2**power + more % 2**power), powers, st.integers(0, most))


def built(drawn: Json) -> str:
    """Return the text that `drawn` stands for."""
    return "".join(_repeated(piece) for piece in drawn) if isinstance(drawn, list) else str(drawn)


def _repeated(piece: Json) -> str:
    match piece:
        case [str(text), int(times)] if COUNTER in text:
            return "".join(text.replace(COUNTER, f"{number:x}") for number in range(times))
        case [str(text), int(times)]:
            return text * times
        case _:
            return str(piece)


def _part(sample: str, start: int, end: int) -> str:
    start %= len(sample)
    return sample[start : start + 1 + end % (len(sample) - start)]


def _cut(drawn: list[list[Json]], most_characters: int) -> Json:
    """Return `drawn` with fewer repetitions where they are too many."""
    left = most_characters
    kept: list[Json] = []
    for piece in drawn:
        match piece:
            case [str(text), int(times)] if text and left > len(text):
                few = min(times, left // (len(text) + 4))
                left -= few * len(text)
                kept += [[text, few]] if few else []
    return kept


def as_json(drawn: Mapping[str, object]) -> Json:
    """Return an input of members that were drawn; what they are drawn from is JSON."""
    found: Json = json.loads(json.dumps(drawn))
    return found

"""Globs over claims: the pattern is the policy's, the value is untrusted."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.pieces import built, grown, texts
from fuzz.reference.values import glob_matches
from fuzz.target import Broken, Json
from fuzz.targets.plain import Plain
from token_exchange.core.glob import compile_glob

_LONGEST_PATTERN: Final = 1000
_LONGEST_VALUE: Final = 16 * 1024
_MOST_STEPS: Final = 50_000
"""What the reference, which tries everything, is given."""


class Glob(Plain):
    """Matching says what the reference says, in time linear in the value."""

    name = "glob"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw a pattern and a value of few different characters, so that some match."""
        pattern = texts(["*", "**", "***", "?", "a", "b", "/", ":", "a*", "*a"], most_characters=_LONGEST_PATTERN)
        value = texts(["a", "b", "/", ":", "*", "ab", "\n"], most_characters=_LONGEST_VALUE)
        small = st.text("ab/:*?", max_size=8)
        return st.one_of(
            st.fixed_dictionaries({"pattern": small, "value": small}),
            st.fixed_dictionaries({"pattern": pattern, "value": value}),
            st.fixed_dictionaries(
                {
                    "pattern": grown("", "*a", "b", most_times=_LONGEST_PATTERN // 2),
                    "value": grown("", "a", "c", most_times=_LONGEST_VALUE),
                }
            ),
        )

    def check(self, given: Json) -> None:
        """Match the value."""
        match given:
            case {"pattern": pattern, "value": value}:
                pattern, value = built(pattern), built(value)
            case _:
                raise ValueError("not an input of this target")
        found = compile_glob(pattern).matches(value)
        if (len(pattern) + 1) * (len(value) + 1) < _MOST_STEPS and found != glob_matches(pattern, value):
            raise Broken("glob-semantics", f"{found}, the reference says {not found}")

    def size_bytes(self, given: Json) -> int:
        """Return the length of pattern and value."""
        return sum(len(built(part)) for part in given.values()) if isinstance(given, dict) else 0

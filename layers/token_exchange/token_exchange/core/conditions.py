"""One condition of a grant or a deny rule: a claim, and what it has to be.

Types compare as JSON has them: `true` is not 1, 1 and 1.0 are equal, and a claim of another type than the
condition's satisfies neither an operator nor its negation. An absent claim satisfies `exists: false` only.

There are no regular expressions: a claim is written by a stranger, and the time to match it must be linear in its
length whatever it holds.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import ClaimPath, Name, Source, Vocabulary, claim_at, without_braces

_STOPS: Final = frozenset("/:")


MAX_GLOB_CHARACTERS: Final = 1024
"""A compiled glob is an integer with a bit for each token, so that an unbounded one takes quadratic time to compile.

The longest names there are, GitHub's workflows with their repository and ref, have some 700 characters.
"""


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled glob.

    After the literal prefix it is a row of tokens, and matching keeps a set of positions in that row as the bits of
    one integer (Glushkov's automaton), so that each character of the value costs a few operations and no position is
    ever tried twice.
    """

    pattern: str
    _prefix: str
    _literals: dict[str, int]
    _any_one: int
    _any_run: int
    _any_run_at_all: int
    _end: int

    def matches(self, value: str) -> bool:
        """Say whether the whole of `value` matches."""
        if not value.startswith(self._prefix):
            return False
        runs = self._any_run | self._any_run_at_all
        at = _skip_runs(1, runs)
        for char in value[len(self._prefix) :]:
            stops = char in _STOPS
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
    for token in _tokens(pattern[len(prefix) :]):
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


def _tokens(pattern: str) -> list[str]:
    """Split `pattern` into characters and runs; stars that stand together are one run, of the wider kind."""
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
    """Add the positions behind each run, which may also be empty; no two runs stand together."""
    return at | ((at & runs) << 1)


type Scalar = str | int | float | bool


type Key = tuple[Literal["text", "number", "boolean"], Scalar]
"""A value with its JSON type: Python's `True == 1` must not decide who may push."""


_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def key_of(value: Json) -> Key | None:
    """Return `value` with its JSON type, or None where it is no scalar."""
    match value:
        case str():
            return ("text", value)
        case bool():
            return ("boolean", value)
        case int() | float():
            return ("number", value)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Equals:
    """Holds when the claim, or an element of it, equals one of the values."""

    keys: frozenset[Key]

    def holds(self, value: Json) -> bool:
        """Say whether `value`, which is present, satisfies this."""
        if isinstance(value, list):
            return any(key_of(element) in self.keys for element in value)
        return key_of(value) in self.keys


@dataclass(frozen=True, slots=True)
class Like:
    """Holds when the claim, or an element of it, matches one of the globs."""

    globs: tuple[Glob, ...]

    def holds(self, value: Json) -> bool:
        """Say whether `value`, which is present, satisfies this."""
        return any(self._matches(element) for element in (value if isinstance(value, list) else [value]))

    def _matches(self, element: Json) -> bool:
        return (
            isinstance(element, str)
            and not _CONTROL.search(element)
            and any(glob.matches(element) for glob in self.globs)
        )


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when the claim has the type of the values, is not empty or garbled, and equals none of them.

    A list has to have elements, and each of them to satisfy this.
    """

    keys: frozenset[Key]

    def holds(self, value: Json) -> bool:
        """Say whether `value`, which is present, satisfies this."""
        if isinstance(value, list):
            return bool(value) and all(self._differs(element) for element in value)
        return self._differs(value)

    def _differs(self, element: Json) -> bool:
        key = key_of(element)
        return (
            key is not None
            and key not in self.keys
            and any(key[0] == given for given, _ in self.keys)
            and not _empty_or_garbled(element)
        )


@dataclass(frozen=True, slots=True)
class NotLike:
    """Holds when the claim is text, not empty or garbled, and matches none of the globs; a list as for `Not`."""

    globs: tuple[Glob, ...]

    def holds(self, value: Json) -> bool:
        """Say whether `value`, which is present, satisfies this."""
        if isinstance(value, list):
            return bool(value) and all(self._differs(element) for element in value)
        return self._differs(value)

    def _differs(self, element: Json) -> bool:
        return (
            isinstance(element, str)
            and not _empty_or_garbled(element)
            and not any(glob.matches(element) for glob in self.globs)
        )


def _empty_or_garbled(value: Json) -> bool:
    return value == "" or (isinstance(value, str) and _CONTROL.search(value) is not None)


@dataclass(frozen=True, slots=True)
class Exists:
    """Holds when the claim is present, or is absent."""

    present: bool


type Test = Equals | Like | Not | NotLike | Exists


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What one claim has to be, in every test at once.

    `section` says whether `path` names a value of the vocabulary or a raw claim. With `fold` text is compared
    without regard to case, and the tests hold folded values. With `bare` a UUID in braces is compared without them, and
    the tests hold it so. `expected` is the condition as its author wrote it.
    """

    section: Literal["match", "claims"]
    path: ClaimPath
    tests: tuple[Test, ...]
    expected: Json
    fold: bool = False
    bare: bool = False

    @property
    def claim(self) -> str | list[str]:
        """The name by which people are told of this claim; a nested one is a list of its keys."""
        return self.path[0] if len(self.path) == 1 else list(self.path)

    def found(self, vocabulary: Vocabulary, claims: Mapping[str, Json]) -> Json:
        """Return the claim's value as it is compared, or None where it is absent."""
        value = claim_at(claims, self.path) if self.section == "claims" else vocabulary.get(self.path[0])
        return _bare(value) if self.bare else value

    def holds(self, value: Json) -> bool:
        """Say whether `value`, which is None where the claim is absent, satisfies every test."""
        folded = _folded(value) if self.fold else value
        for test in self.tests:
            if isinstance(test, Exists):
                if test.present is (folded is None):
                    return False
            elif folded is None or not test.holds(folded):
                return False
        return True

    def singles_out(self, path: ClaimPath, sources: Mapping[Name, Source]) -> bool:
        """Say whether this condition says what the raw claim at `path` has to be, by itself or by a name made of it.

        That it is there, or is not some value, leaves all the rest; that it is absent leaves nothing. `sources` are
        where the names come from.
        """
        if self.section == "claims":
            is_about_it = self.path == path
        else:
            is_about_it = any(name == self.path[0] and path in source.source_claims for name, source in sources.items())
        return is_about_it and any(
            isinstance(test, Equals | Like) or (isinstance(test, Exists) and not test.present) for test in self.tests
        )

    @property
    def exact_keys(self) -> frozenset[Key] | None:
        """The values one of which the claim must equal, where the condition says so: what an index is made of."""
        if self.fold:
            return None
        return next((test.keys for test in self.tests if isinstance(test, Equals)), None)


def _bare(value: Json) -> Json:
    if isinstance(value, list):
        return [_bare(element) for element in value]
    return without_braces(value) if isinstance(value, str) else value


def _folded(value: Json) -> Json:
    if isinstance(value, list):
        return [_folded(element) for element in value]
    return value.casefold() if isinstance(value, str) else value


def keys_of(values: Iterable[Scalar], *, fold: bool) -> frozenset[Key]:
    """Return the typed keys of `values`, folded where case is not to count."""
    keys = (key_of(_folded(value) if fold else value) for value in values)
    return frozenset(key for key in keys if key is not None)

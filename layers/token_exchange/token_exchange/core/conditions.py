"""One condition of a grant or a deny rule: a claim, and the value that it must have.

Types compare as in JSON: `true` is not 1, and 1 equals 1.0. A claim of another type than the condition's satisfies
neither an operator nor its negation. An absent claim satisfies only `exists: false`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from token_exchange.core.glob import Glob
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record, record
from token_exchange.core.vocabulary import ClaimPath, Name, Source, Vocabulary, claim_at, without_braces

type Scalar = str | int | float | bool

type Key = tuple[Literal["text", "number", "boolean"], Scalar]
"""A value with its JSON type: Python's `True == 1` must not decide who may push."""

CONTROL_CHARACTERS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""A value with one of these is not what it looks like, so it satisfies no `like`, `not` or `not_like`."""


def key_of(value: Json) -> Key | None:
    """Return `value` with its JSON type, or None if it is not a scalar."""
    match value:
        case str():
            return ("text", value)
        case bool():
            return ("boolean", value)
        case int() | float():
            return ("number", value)
        case _:
            return None


@positional_record
class Equals:
    """Holds when the claim, or an element of it, equals one of the values."""

    keys: frozenset[Key]

    def holds(self, value: Json) -> bool:
        """Return whether `value`, which is present, satisfies this."""
        if isinstance(value, list):
            return any(key_of(element) in self.keys for element in value)
        return key_of(value) in self.keys


@positional_record
class Like:
    """Holds when the claim, or an element of it, matches one of the globs."""

    globs: tuple[Glob, ...]

    def holds(self, value: Json) -> bool:
        """Return whether `value`, which is present, satisfies this."""
        return any(self._matches(element) for element in (value if isinstance(value, list) else [value]))

    def _matches(self, element: Json) -> bool:
        return (
            isinstance(element, str)
            and not CONTROL_CHARACTERS.search(element)
            and any(glob.matches(element) for glob in self.globs)
        )


@positional_record
class Not:
    """Holds when the claim has the type of the values, is not empty or garbled, and equals none of them.

    A list must have elements, and each must satisfy this: an empty claim must not pass as "not fork".
    """

    keys: frozenset[Key]

    def holds(self, value: Json) -> bool:
        """Return whether `value`, which is present, satisfies this."""
        return _each(value, self._differs)

    def _differs(self, element: Json) -> bool:
        key = key_of(element)
        return (
            key is not None
            and key not in self.keys
            and any(key[0] == given for given, _ in self.keys)
            and not _empty_or_garbled(element)
        )


@positional_record
class NotLike:
    """Holds when the claim is text, not empty or garbled, and matches none of the globs; a list as for `Not`."""

    globs: tuple[Glob, ...]

    def holds(self, value: Json) -> bool:
        """Return whether `value`, which is present, satisfies this."""
        return _each(value, self._differs)

    def _differs(self, element: Json) -> bool:
        return (
            isinstance(element, str)
            and not _empty_or_garbled(element)
            and not any(glob.matches(element) for glob in self.globs)
        )


def _each(value: Json, differs: Callable[[Json], bool]) -> bool:
    elements = value if isinstance(value, list) else [value]
    return bool(elements) and all(map(differs, elements))


def _empty_or_garbled(value: Json) -> bool:
    return value == "" or (isinstance(value, str) and CONTROL_CHARACTERS.search(value) is not None)


@positional_record
class Exists:
    """Holds when the claim is present, or is absent."""

    present: bool


type Test = Equals | Like | Not | NotLike | Exists


@record
class _Tested:
    """The tests that a value must pass, all of them.

    With `ignore_case`, strings are compared without regard to case, and the tests have casefolded values. With
    `strip_braces`, a UUID in braces is compared without them, and the tests have it without them. `expected` is the
    condition as its author wrote it.
    """

    tests: tuple[Test, ...]
    expected: Json
    ignore_case: bool = False
    strip_braces: bool = False

    def holds(self, value: Json) -> bool:
        """Return whether `value`, which is None if the claim is absent, satisfies every test."""
        compared = _casefolded(value) if self.ignore_case else value
        for test in self.tests:
            if isinstance(test, Exists):
                if test.present is (compared is None):
                    return False
            elif compared is None or not test.holds(compared):
                return False
        return True

    @property
    def selects_values(self) -> bool:
        """Whether this names the allowed values, or requires the claim to be absent.

        A condition that the claim is present, or is not some value, allows everything else.
        """
        return any(
            isinstance(test, Equals | Like) or (isinstance(test, Exists) and not test.present) for test in self.tests
        )

    @property
    def exact_keys(self) -> frozenset[Key] | None:
        """The values of which the claim must equal one, or None if the condition is not exact; the index uses them."""
        if self.ignore_case:
            return None
        return next((test.keys for test in self.tests if isinstance(test, Equals)), None)


@record
class NamedCondition(_Tested):
    """A condition under `match`: on a name of the vocabulary."""

    name: Name

    @property
    def claim(self) -> str:
        """What answers and records call the value."""
        return self.name

    @property
    def document_path(self) -> tuple[str, ...]:
        """The path in the grant or deny rule; two conditions with the same path are on the same value."""
        return ("match", self.name)

    def found(self, vocabulary: Vocabulary, _claims: Mapping[str, Json], /) -> Json:
        """Return the value as it is compared, or None if it is absent."""
        value = vocabulary.get(self.name)
        return _stripped(value) if self.strip_braces else value

    def singles_out(self, path: ClaimPath, sources: Mapping[Name, Source]) -> bool:
        """Return whether this names the allowed values of the raw claim at `path`; `sources` are those of the names."""
        source = sources.get(self.name)
        return source is not None and path in source.source_claims and self.selects_values


@record
class RawCondition(_Tested):
    """A condition under `claims`: on a claim by the token's own name, or on one nested in it."""

    path: ClaimPath

    @property
    def claim(self) -> str | list[str]:
        """What answers and records call the value; a nested claim is a list of its keys."""
        return self.path[0] if len(self.path) == 1 else list(self.path)

    @property
    def document_path(self) -> tuple[str, ...]:
        """As for `NamedCondition`."""
        return ("claims", *self.path)

    def found(self, _vocabulary: Vocabulary, claims: Mapping[str, Json], /) -> Json:
        """Return the value as it is compared, or None if it is absent."""
        value = claim_at(claims, self.path)
        return _stripped(value) if self.strip_braces else value

    def singles_out(self, path: ClaimPath, _sources: Mapping[Name, Source], /) -> bool:
        """Return whether this names the allowed values of the raw claim at `path`."""
        return self.path == path and self.selects_values


type Condition = NamedCondition | RawCondition


def _stripped(value: Json) -> Json:
    if isinstance(value, list):
        return [_stripped(element) for element in value]
    return without_braces(value) if isinstance(value, str) else value


def _casefolded(value: Json) -> Json:
    if isinstance(value, list):
        return [_casefolded(element) for element in value]
    return value.casefold() if isinstance(value, str) else value


def keys_of(values: Iterable[Scalar], *, ignore_case: bool) -> frozenset[Key]:
    """Return the typed keys of `values`, casefolded with `ignore_case`."""
    keys = (key_of(_casefolded(value) if ignore_case else value) for value in values)
    return frozenset(key for key in keys if key is not None)

"""Questions about conditions: what they are about, whether two can hold together, whether one follows from others.

Every answer is sound and none is complete: `True` is proven, `False` says that nothing was shown.
"""

from collections.abc import Iterable, Sequence

from token_exchange.policy.conditions import Condition, Equals, Exists, Key, Like, Not, NotLike
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import ClaimPath, Name


def is_about(condition: Condition, name: Name, preset: Preset) -> bool:
    """Say whether `condition` is on `name` of the vocabulary, or on a raw claim that it is made of."""
    if condition.section == "match":
        return condition.path[0] == name
    source = preset.vocabulary.get(name)
    return source is not None and condition.path in source.behind


def demands(condition: Condition) -> bool:
    """Say whether `condition` wants the claim to be one of some values, or to match a pattern."""
    return any(isinstance(test, Equals | Like) for test in condition.tests)


def has(conditions: Iterable[Condition], names: Iterable[Name], preset: Preset) -> bool:
    """Say whether some condition demands something of one of `names`."""
    wanted = list(names)
    return any(demands(condition) and is_about(condition, name, preset) for condition in conditions for name in wanted)


def patterns(condition: Condition) -> list[tuple[str, bool]]:
    """Return the globs of `condition`, each with whether it is negated."""
    return [
        (glob.pattern, isinstance(test, NotLike))
        for test in condition.tests
        if isinstance(test, Like | NotLike)
        for glob in test.globs
    ]


def exact(condition: Condition) -> frozenset[Key] | None:
    """Return the values one of which the claim must equal, where the condition says so."""
    found = [test.keys for test in condition.tests if isinstance(test, Equals)]
    return frozenset.intersection(*found) if found else None


def _subject(condition: Condition) -> tuple[str, ClaimPath]:
    return condition.section, condition.path


def exclude_each_other(one: Condition, other: Condition) -> bool:
    """Say whether no token can satisfy both; proven where it is True."""
    if _subject(one) != _subject(other):
        paths = {one.path, other.path}
        both_match = one.section == other.section == "match"
        # A ref is one of the two, or neither.
        return both_match and paths == {("branch",), ("tag",)} and demands(one) and demands(other)
    if _is_absence(one) or _is_absence(other):
        return not (_is_absence(one) and _is_absence(other))
    first, second = exact(one), exact(other)
    if first is not None and second is not None:
        return first.isdisjoint(second) and not (one.fold or other.fold)
    for keys, condition in ((first, other), (second, one)):
        if keys is not None and not condition.fold and not any(condition.holds(value) for _, value in keys):
            return True
    return False


def can_hold_together(conditions: Sequence[Condition]) -> bool:
    """Say whether nothing was found that keeps all of `conditions` from holding of one token."""
    return not any(
        exclude_each_other(one, other) for place, one in enumerate(conditions) for other in conditions[place + 1 :]
    )


def follows(wanted: Condition, given: Sequence[Condition]) -> bool:
    """Say whether `wanted` holds wherever all of `given` do; proven where it is True."""
    return any(_entails(one, wanted) for one in given)


def _entails(given: Condition, wanted: Condition) -> bool:
    if _subject(given) != _subject(wanted) or (given.fold, given.bare) != (wanted.fold, wanted.bare):
        return False
    if given.tests == wanted.tests:
        return True
    keys = exact(given)
    if keys is not None:
        return all(wanted.holds(value) for _, value in keys)
    if all(isinstance(test, Exists) and test.present for test in wanted.tests):
        return any(isinstance(test, Equals | Like | Not | NotLike) for test in given.tests)
    return False


def _is_absence(condition: Condition) -> bool:
    return any(isinstance(test, Exists) and not test.present for test in condition.tests)

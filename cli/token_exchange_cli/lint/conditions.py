"""What a condition is about, and what it demands. Whether conditions fit together is in `proofs`."""

from collections.abc import Iterable

from token_exchange.policy.conditions import Condition, Equals, Key, Like, NotLike
from token_exchange.policy.reading.problems import Path
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import Name


def condition_path(of: Path, condition: Condition) -> Path:
    """Return the path of `condition` in the mapping at `of`."""
    return (*of, condition.section, *condition.path)


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
    """Return the values one of which the claim, or an element of it, must equal, where the condition says so."""
    found = [test.keys for test in condition.tests if isinstance(test, Equals)]
    return frozenset.intersection(*found) if found else None

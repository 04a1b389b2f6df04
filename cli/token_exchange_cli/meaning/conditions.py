"""What a condition is about, and what it demands. Whether conditions fit together is in `proofs`."""

from collections.abc import Iterable

from token_exchange.core.conditions import Condition, Equals, Exists, Key, Like, Not, NotLike
from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.sources import ShortRef, TypedRef
from token_exchange.core.vocabulary import Name
from token_exchange.loading.problems import Path


def condition_path(of: Path, condition: Condition) -> Path:
    """Return the path of `condition` in the mapping at `of`."""
    return (*of, condition.section, *condition.path)


def is_about(condition: Condition, name: Name, preset: Preset) -> bool:
    """Say whether `condition` is on `name` of the vocabulary, or on a raw claim that says what it is."""
    if condition.section == "match":
        return condition.path[0] == name
    match preset.vocabulary.get(name):
        case None:
            return False
        case ShortRef(ref=path) | TypedRef(ref=path):
            # That a ref is a branch does not say which.
            return condition.path == path
        case source:
            return condition.path in source.behind


def demands(condition: Condition) -> bool:
    """Say whether `condition` wants the claim to be one of some values, or to match a pattern."""
    return any(isinstance(test, Equals | Like) for test in condition.tests)


def has(conditions: Iterable[Condition], names: Iterable[Name], preset: Preset) -> bool:
    """Say whether some condition says what one of `names` has to be."""
    wanted = list(names)
    return any(
        says_which(condition) and is_about(condition, name, preset) for condition in conditions for name in wanted
    )


def says_which(condition: Condition) -> bool:
    """Say whether `condition` singles out values, as a pattern of wildcards alone does not."""
    return any(
        isinstance(test, Equals) or (isinstance(test, Like) and not any(is_any(glob.pattern) for glob in test.globs))
        for test in condition.tests
    )


def is_any(pattern: str) -> bool:
    """Say whether `pattern` has nothing but wildcards, behind what all branches or all tags begin with."""
    rest = pattern.removeprefix("refs/").removeprefix("heads/").removeprefix("tags/")
    return "*" in rest and not rest.strip("*?")


def protects(conditions: Iterable[Condition], preset: Preset) -> bool:
    """Say whether some condition holds of protected refs alone."""
    return any(
        is_about(condition, "ref_protected", preset) and not any(map(condition.holds, (False, "false", None)))
        for condition in conditions
    )


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


def types(condition: Condition) -> set[ClaimType]:
    """Return the JSON types one of which the claim must have for all tests to hold, `any` where nothing is said."""
    found: set[ClaimType] = set()
    for test in condition.tests:
        match test:
            case Equals(keys) | Not(keys):
                found |= {kind for kind, _ in keys}
            case Like() | NotLike():
                found.add("text")
            case Exists():
                pass
    return found or {"any"}

"""What patterns cover: globs over claims, and the repositories of a grant."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.glob import STOPS, tokens_of
from token_exchange.core.policy import EcrRegistry, Grant, SessionTerms, Template
from token_exchange.core.reach import pattern_covers
from token_exchange.core.vocabulary import NAMES, Name
from token_exchange.loading.fields import spelled_duration

PLACEHOLDER: Final = "replace-me"
"""What `policy import` writes for a value that a trust policy does not have. It is no valid organization or role."""

_ITS_WORD: Final = re.compile(rf"(?<![A-Za-z0-9-]){PLACEHOLDER}(?![A-Za-z0-9-])")


def has_placeholder(text: str) -> bool:
    """Say whether `text` contains the placeholder as a word."""
    return _ITS_WORD.search(text) is not None


_RUN, _RUN_AT_ALL = "*", "**"


def is_within(narrow: str, wide: str) -> bool:
    """Say whether the glob `wide` matches every string that the glob `narrow` matches.

    `True` is proven. `False` proves nothing: a run in `narrow` is only ever matched by one run of `wide`, so `a*` is
    not found to be within a list of all strings that it matches.
    """
    tokens = tokens_of(wide)
    at = _skip_runs({0}, tokens)
    for token in tokens_of(narrow):
        at = _skip_runs({after for place in at for after in _after(place, token, tokens)}, tokens)
    return len(tokens) in at


def _after(place: int, token: str, tokens: Sequence[str]) -> Iterable[int]:
    """Return the positions in `tokens` after matching everything that `token` can be."""
    if place == len(tokens):
        return ()
    match tokens[place]:
        case "**":
            return (place,)
        case "*":
            return (place,) if token != _RUN_AT_ALL and token not in STOPS else ()
        case "?":
            return (place + 1,) if token not in (_RUN, _RUN_AT_ALL) and token not in STOPS else ()
        case literal:
            return (place + 1,) if token == literal else ()


def _skip_runs(places: set[int], tokens: Sequence[str]) -> set[int]:
    """Add the positions after each run, which may also be empty."""
    found = set(places)
    for place in places:
        if place < len(tokens) and tokens[place] in (_RUN, _RUN_AT_ALL):
            found.add(place + 1)
    return found


def patterns_meet(one: str, other: str) -> bool:
    """Say whether a string matches both patterns, where `*` is any run of characters."""
    # Most pairs do not meet, because they begin or end differently.
    if not begin_alike(one.partition("*")[0], other.partition("*")[0]):
        return False
    if not begin_alike(one.rpartition("*")[2][::-1], other.rpartition("*")[2][::-1]):
        return False
    # For each beginning of `one`, whether it meets the beginning of `other` that was read so far.
    row = [True]
    for char in one:
        row.append(row[-1] and char == "*")
    for char in other:
        before, row = row, [row[0] and char == "*"]
        for place, mine in enumerate(one):
            both = before[place] and mine == char
            row.append(before[place + 1] or row[place] if "*" in (mine, char) else both)
    return row[-1]


def literal_beginning(glob: str) -> str:
    """Return the characters with which every match of `glob` begins."""
    return glob.partition("*")[0].partition("?")[0]


def begin_alike(one: str, other: str) -> bool:
    """Say whether a string can begin with `one` and with `other`."""
    return one.startswith(other) or other.startswith(one)


_EXAMPLE_CALLER: Final[dict[Name, str]] = {
    **{name: name.replace("_", "-") for name in NAMES},
    "organization": "organization",
    "repository": "organization/repository",
}
"""Example values of a caller that matches both grants, by which their logins are compared."""

_MOST_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a grant gives to a caller. `pulled` includes what can be pushed; both are None for a stored login.

    `texts` are the patterns as the policy spells them.
    """

    pushed: tuple[str, ...] | None
    pulled: tuple[str, ...] | None
    texts: Mapping[str, str]
    also: tuple[str, ...]
    seconds: int
    is_single_use: bool

    def more_than(self, other: "Login") -> list[str]:
        """Return what this gives beyond `other`; nothing if they are for different repositories."""
        found: list[str] = []
        if self.pushed and not other.pushed:
            found.append("push")
        if not self._has_something_in_common(other):
            # A login for other repositories is a different login, not a wider one.
            return found
        beyond = _beyond(self.pushed, other.pushed) if other.pushed else []
        beyond = list(dict.fromkeys([*beyond, *_beyond(self.pulled, other.pulled)]))
        if beyond:
            found.append(f"more repositories ({', '.join(self.texts[one] for one in beyond[:_MOST_SHOWN])})")
        if rights := [right for right in self.also if right not in other.also]:
            found.append(f"the right to {' and '.join(rights)}")
        if self.seconds > other.seconds:
            found.append(f"more time ({spelled_duration(self.seconds)}, not {spelled_duration(other.seconds)})")
        if other.is_single_use and not self.is_single_use:
            found.append("a login without single_use")
        return found

    def _has_something_in_common(self, other: "Login") -> bool:
        if not self.pulled or not other.pulled:
            # There is only one stored login, or login of ECR Public.
            return True
        return any(
            pattern_covers(one, another) or pattern_covers(another, one)
            for one in self.pulled
            for another in other.pulled
        )


def _beyond(some: Sequence[str] | None, others: Sequence[str] | None) -> list[str]:
    return [one for one in some or () if not any(pattern_covers(other, one) for other in others or ())]


def login_of(grant: Grant) -> Login:
    """Return what `grant` gives to the example caller."""
    terms = grant.terms
    if terms is None:
        return Login(pushed=None, pulled=None, texts={}, also=(), seconds=0, is_single_use=grant.single_use)
    texts = {_for_example_caller(one): one.text for one in (*terms.also_pull, *terms.repositories)}
    repositories = tuple(map(_for_example_caller, terms.repositories))
    rights = {"list": terms.also.list, "import": terms.also.import_, "sign": terms.also.sign is not None}
    return Login(
        pushed=repositories if terms.access == "push" else (),
        pulled=(*repositories, *map(_for_example_caller, terms.also_pull)),
        texts=texts,
        also=tuple(right for right, has in rights.items() if has),
        seconds=terms.duration_seconds,
        is_single_use=grant.single_use,
    )


def _for_example_caller(template: Template) -> str:
    return template.filled([_EXAMPLE_CALLER[name] for name in template.names])


def covers(one: Grant, other: Grant) -> bool:
    """Say whether `one` satisfies every request that `other` does, for any caller to whom both apply."""
    if one.terms is None or other.terms is None or not isinstance(one.registry, EcrRegistry):
        # No scope narrows these, so neither satisfies a request with a scope.
        return True
    return _reaches(one.terms, other.terms)


def _reaches(one: SessionTerms, other: SessionTerms) -> bool:
    pulled = [*one.repositories, *one.also_pull]
    pushed = one.repositories if one.access == "push" else ()
    return _are_within(other.repositories, pushed if other.access == "push" else pulled) and _are_within(
        other.also_pull, pulled
    )


def _are_within(templates: Sequence[Template], others: Sequence[Template]) -> bool:
    return all(any(is_repository_within(template.text, other) for other in others) for template in templates)


def is_repository_within(text: str, by: Template) -> bool:
    """Say whether `by` matches everything that `text` does, for any values; wildcards and names match themselves.

    No literal of a pattern holds a wildcard or half a name, so where the pattern matches the text itself, its
    own wildcards take the text's, and its names are the text's, with the same value.
    """
    return text == by.text or pattern_covers(by.text, text)

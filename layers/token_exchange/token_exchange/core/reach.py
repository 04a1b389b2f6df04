"""What a login reaches: a grant's repositories for this caller, or the narrower set that the request names.

A pattern is as in IAM's resource ARNs: `*` matches any characters, including `/`.
Source: ECR API Reference, CreateRepository (`repositoryName`); IAM User Guide, "IAM JSON policy elements: Resource".
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, NewType

from token_exchange.core.identity import Preset
from token_exchange.core.policy import Access, Also, SessionTerms, Template
from token_exchange.core.record import record
from token_exchange.core.vocabulary import Name, Vocabulary

MAX_NAME_LENGTH: Final = 256
MIN_NAME_LENGTH: Final = 2
_COMPONENT: Final = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")

WITH_SLASH: Final[frozenset[Name]] = frozenset({"organization", "repository"})
"""Names whose values may be several components: a slash in any other value would reach into another folder."""


RepositoryPattern = NewType("RepositoryPattern", str)
"""A string in ECR's form of a name, in which `*` is any characters: made by `reach.fill_repository_template`.

It becomes an ARN of a session policy, so it must never be an unchecked string.
"""

RepositoryName = NewType("RepositoryName", RepositoryPattern)
"""A full name, which is a pattern of itself only: made by `reach.parse_repository_name`."""


@record
class RepositoryScope:
    """One repository, by its full name, and whether the request is for push, which includes pull."""

    name: RepositoryName
    push: bool


def parse_repository_name(text: str) -> RepositoryName:
    """Return `text` as the full name of an ECR repository.

    Raises:
        ValueError: no repository can have this name.
    """
    if not (MIN_NAME_LENGTH <= len(text) <= MAX_NAME_LENGTH and has_repository_form(text)):
        raise ValueError("expected the full name of an ECR repository")
    return RepositoryName(RepositoryPattern(text))


def has_repository_form(name: str) -> bool:
    """Return whether `name` has the form of a repository's name, or of one part of it."""
    return _NAME.fullmatch(name) is not None


def pattern_covers(pattern: str, name: str) -> bool:
    """Return whether IAM's `*` pattern matches the whole of `name`, in time linear in its length."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    last = rest.pop()
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def scope_text(scope: Sequence[RepositoryScope]) -> str | None:
    """Return a scope as requests spell it, or None if it is empty."""
    return " ".join(f"repository:{one.name}:{'pull,push' if one.push else 'pull'}" for one in scope) or None


class ScopeNotCovered(Exception):
    """A login's reach does not cover all of a scope."""


class DoesNotFit(Exception):
    """A value cannot be part of a repository's name; `name` is the value's name, `expected` says what would fit."""

    def __init__(self, name: Name, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")
        self.name = name
        self.expected = expected


def fill_repository_template(template: Template, value_of: Callable[[Name], str | None]) -> RepositoryPattern:
    """Return the pattern for the caller whose values `value_of` gives.

    Raises:
        DoesNotFit: a value is absent, or is not in ECR's form of a name, or the result is too long.
    """
    values: list[str] = []
    for name in template.names:
        value = value_of(name)
        if value is None:
            raise DoesNotFit(name, "present")
        # A value must not contain `*`: a branch called `*` would open every repository under the prefix.
        if not has_repository_form(value) or ("/" in value and name not in WITH_SLASH):
            raise DoesNotFit(name, "in the form of an ECR repository name")
        values.append(value)
    filled = template.filled(values)
    if len(filled) > MAX_NAME_LENGTH:
        raise DoesNotFit(template.names[0], f"short enough for a repository name of {MAX_NAME_LENGTH} characters")
    return RepositoryPattern(filled)


def covers_any(patterns: Sequence[str], name: str) -> bool:
    """Return whether one of `patterns` matches `name`."""
    return any(pattern_covers(pattern, name) for pattern in patterns)


@record
class Reach:
    """Patterns of repositories: `repositories` with `access` and what `also` names, `also_pull` for pull only."""

    access: Access
    repositories: tuple[RepositoryPattern, ...]
    also_pull: tuple[RepositoryPattern, ...]
    also: Also

    @property
    def scope(self) -> str:
        """The reach as an OAuth scope (RFC 6749 section 3.3), in the form of a registry's token scopes."""
        actions = "pull,push" if self.access == "push" else "pull"
        wide = [f"repository:{pattern}:{actions}" for pattern in self.repositories]
        return " ".join([*wide, *(f"repository:{pattern}:pull" for pattern in self.also_pull)])


def reach_of(terms: SessionTerms, preset: Preset, vocabulary: Vocabulary) -> Reach:
    """Return all that a grant with these `terms` gives to the caller with `vocabulary`.

    Raises:
        DoesNotFit: a template cannot be filled in for this caller.
    """

    def value_of(name: Name) -> str | None:
        return template_value(name, preset, vocabulary)

    return Reach(
        access=terms.access,
        repositories=tuple(fill_repository_template(template, value_of) for template in terms.repositories),
        also_pull=tuple(fill_repository_template(template, value_of) for template in terms.also_pull),
        also=terms.also,
    )


def template_value(name: Name, preset: Preset, vocabulary: Vocabulary) -> str | None:
    """Return the value of `{name}` in a repository's name, or None if the caller has none.

    ECR's names are lower case. A value becomes lower case only if its provider never has two values that differ only
    by case; otherwise two CI repositories would share one in ECR.
    """
    value = vocabulary.get(name)
    if not isinstance(value, str):
        return None
    if name == "organization" and preset.organization_is_path:
        value = value.partition("/")[0]
    # ASCII only: in lower case, the Kelvin sign (U+212A) is a plain k, so a look-alike would become another's name.
    lowered = preset.ignores_case and name in ("organization", "repository") and value.isascii()
    return value.lower() if lowered else value


def narrowed(reach: Reach, scope: Sequence[RepositoryScope]) -> Reach:
    """Return exactly what `scope` requests, without the grant's rights under `also`.

    Raises:
        ScopeNotCovered: `reach` does not cover all of it.
    """
    for wanted in scope:
        pushable = reach.access == "push" and covers_any(reach.repositories, wanted.name)
        pullable = covers_any(reach.repositories, wanted.name) or covers_any(reach.also_pull, wanted.name)
        if not (pushable if wanted.push else pullable):
            raise ScopeNotCovered
    pushed = tuple(wanted.name for wanted in scope if wanted.push)
    pulled = tuple(wanted.name for wanted in scope if not wanted.push)
    if not pushed:
        return Reach(access="pull", repositories=pulled, also_pull=(), also=Also())
    return Reach(access="push", repositories=pushed, also_pull=pulled, also=Also())


def missing_name(template: Template, vocabulary: Vocabulary) -> Name | None:
    """Return a name in `template` for which this caller has no value, if there is one."""
    return next((name for name in template.names if vocabulary.get(name) is None), None)


def filled_text(template: Template, vocabulary: Vocabulary) -> str:
    """Return the text of `template` for a caller who has a value for each of its names."""
    values = [vocabulary[name] for name in template.names]
    return template.filled([str(value).lower() if isinstance(value, bool) else value for value in values])

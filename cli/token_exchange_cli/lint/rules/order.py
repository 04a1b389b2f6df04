"""Grants that never win, and later ones that give more than those before them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from token_exchange.policy.model import Grant, SessionTerms
from token_exchange.policy.reading.problems import Path
from token_exchange.policy.repositories import pattern_covers
from token_exchange.providers.vocabulary import WHO
from token_exchange_cli.lint.conditions import can_hold_together, exact, follows
from token_exchange_cli.lint.finding import Finding, Subject, warning

_MOST_BROAD: Final = 200
"""Grants without an exact value of their own that a later one is held against: all of them would be quadratic."""

_TRIGGERS: Final = {"forgejo": "event_name", "gitea": "event_name", "github-actions": "event_name"}


def never_matches(subject: Subject) -> Iterator[Finding]:
    """Conditions that exclude each other hold of no token."""
    for path, grant in subject.grants():
        if not can_hold_together(grant.conditions):
            yield warning(
                "never-matches", path, "its conditions exclude each other, so no token satisfies all", "split the grant"
            )
        elif not grant.allow_untrusted_triggers and _wants_outsiders(subject, grant):
            yield warning(
                "never-matches",
                path,
                "it asks for events that outsiders can cause, and is never looked at for those",
                "name events that only members cause, or set allow_untrusted_triggers for pull alone",
            )


def _wants_outsiders(subject: Subject, grant: Grant) -> bool:
    presets = subject.presets(grant)
    events = [keys for one in grant.conditions if one.path == ("event",) and (keys := exact(one)) is not None]
    return bool(events) and all(
        preset.provider in _TRIGGERS
        and all(preset.untrusted_trigger({_TRIGGERS[preset.provider]: value}) for _, value in events[0])
        for preset in presets
    )


def later_grants(subject: Subject) -> Iterator[Finding]:
    """The first grant that matches wins, and its caller can name any other."""
    for path, grant, before in _with_rivals(subject):
        for other in before:
            if not can_hold_together([*other.conditions, *grant.conditions]):
                continue
            if _covers(other, grant) and all(follows(wanted, grant.conditions) for wanted in other.conditions):
                yield warning(
                    "unreachable",
                    path,
                    f"whoever matches it matches {other.name} too, which comes first and gives as much",
                    f"take it out, or put it before {other.name}",
                )
                break
            more = _more(other, grant)
            if more is not None:
                yield warning(
                    "later-gives-more",
                    path,
                    f"a caller whom {other.name} matches may match this one too, and name it: it gives {more}",
                    f"give {other.name} a condition that this one's callers do not meet, if that is not meant",
                )
                break


def _with_rivals(subject: Subject) -> Iterator[tuple[Path, Grant, Sequence[Grant]]]:
    """Yield each grant with those before it that the same caller could match."""
    broad: dict[tuple[str, str], list[Grant]] = defaultdict(list)
    exactly: dict[tuple[str, str, object], list[Grant]] = defaultdict(list)
    for path, grant in subject.grants():
        if grant.mode == "report":
            continue
        keys = _keys(grant)
        before: dict[str, Grant] = {}
        for issuer in grant.issuers:
            place = (grant.registry.name, issuer)
            for other in broad[place][:_MOST_BROAD]:
                before.setdefault(other.name, other)
            for key in keys:
                for other in exactly[(*place, key)]:
                    before.setdefault(other.name, other)
            for key in keys:
                exactly[(*place, key)].append(grant)
            if not keys:
                broad[place].append(grant)
        yield path, grant, list(before.values())


def _keys(grant: Grant) -> list[object]:
    """Return the exact values by which the grant tells one tenant from another, of its first such condition."""
    for place, condition in enumerate(grant.conditions):
        keys = exact(condition)
        if keys is not None and (place in grant.who or condition.path[0] in WHO):
            return [(condition.section, condition.path, key) for key in keys]
    return []


def _covers(one: Grant, other: Grant) -> bool:
    """Say whether `one` gives all that `other` gives, to whoever gets either."""
    if not {*other.issuers} <= {*one.issuers} or one.expires is not None:
        return False
    if other.allow_untrusted_triggers and not one.allow_untrusted_triggers:
        return False
    if one.terms is None or other.terms is None:
        return one.terms is other.terms
    return _reaches(one.terms, other.terms) and one.terms.also == other.terms.also


def _reaches(one: SessionTerms, other: SessionTerms) -> bool:
    pull = [*one.repositories, *one.also_pull]
    if other.access == "push" and one.access != "push":
        return False
    wanted = one.repositories if other.access == "push" else pull
    return all(any(_is_within(each, by) for by in [t.text for t in wanted]) for each in _texts(other)) and all(
        any(_is_within(each.text, by.text) for by in pull) for each in other.also_pull
    )


def _texts(terms: SessionTerms) -> list[str]:
    return [template.text for template in terms.repositories]


def _is_within(pattern: str, by: str) -> bool:
    """Say whether every name that `pattern` matches is one that `by` matches; a wildcard stands for itself."""
    return pattern == by or ("{" not in by and "{" not in pattern and pattern_covers(by, pattern))


def _more(one: Grant, other: Grant) -> str | None:
    """Return what `other` gives beyond `one`, or None."""
    if one.terms is None or other.terms is None:
        return None
    if one.single_use and not other.single_use:
        return "a login without single_use"
    if other.terms.access == "push" and one.terms.access == "pull":
        return "push"
    if other.terms.duration_seconds > one.terms.duration_seconds:
        return "more time"
    if not _reaches(one.terms, other.terms):
        return "more repositories"
    return None


RULES: Final = (never_matches, later_grants)

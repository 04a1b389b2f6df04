"""Whether repositories of two issuers can push the same image."""

from functools import lru_cache
from typing import Final

from token_exchange.core.policy import Issuer, Template
from token_exchange.core.sources import BracedUuid, Uuid
from token_exchange.core.vocabulary import IDS, Name

_BY_NAME: Final[dict[Name, str]] = {"organization": "organization", "repository": "organization/*"}
"""What fills in two templates where their issuers have an organization of one name; all else may be anything."""


def can_be_confused(one: Issuer, other: Issuer) -> bool:
    """Say whether the two speak of different repositories: two entries for one URL speak of the same."""
    return one.name != other.name and one.trust.url != other.trust.url


def what_is_shared(one: Template, of: Issuer, other: Template, of_other: Issuer) -> str | None:
    """Return what two repositories, one of each issuer, must have in common to push the same image; None if nothing."""
    first, second = one.names[0], other.names[0]
    if first in _BY_NAME and second in _BY_NAME:
        return "name" if _share_a_name(of, of_other) and patterns_meet(_filled(one), _filled(other)) else None
    if first != second or first not in IDS or _is_uuid(first, of) or _is_uuid(second, of_other):
        return None
    return first if patterns_meet(_filled(one), _filled(other)) else None


def _is_uuid(name: Name, issuer: Issuer) -> bool:
    return isinstance(issuer.preset.vocabulary.get(name), BracedUuid | Uuid)


def _share_a_name(one: Issuer, other: Issuer) -> bool:
    names = [
        {org.name.partition("/")[0].lower() for org in issuer.organizations if org.name} for issuer in (one, other)
    ]
    # An organization that is listed by id alone may have any name.
    by_id_alone = any(org.name is None for issuer in (one, other) for org in issuer.organizations)
    return bool(names[0] & names[1]) or by_id_alone


@lru_cache(maxsize=1 << 16)
def _filled(template: Template) -> str:
    return template.filled([_BY_NAME.get(name, "7" if name in IDS else "*") for name in template.names])


def patterns_meet(one: str, other: str) -> bool:
    """Say whether some text matches both patterns, of which `*` is any run."""
    # Most that do not meet begin or end differently, and are many.
    if not _agree(one.partition("*")[0], other.partition("*")[0]):
        return False
    if not _agree(one.rpartition("*")[2][::-1], other.rpartition("*")[2][::-1]):
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


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)

"""ARNs of roles, and the repository patterns that a role must allow.

Source: IAM User Guide, "IAM identifiers".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from token_exchange.core.policy import Grant, Issuer, Organization, Template
from token_exchange.core.reach import WITH_SLASH, DoesNotFit, fill_repository_template, pattern_covers, template_value
from token_exchange.core.vocabulary import Name
from token_exchange.loading.registries import parse_template
from token_exchange_cli.meaning.conditions import is_on_name, wanted_values
from token_exchange_cli.reachable import organizations_left

_FORM: Final = re.compile(
    r"arn:(aws[a-z-]*):iam::([0-9]{12}):role(/(?:[\x21-\x7e]{1,510}/)?)([\w+=,.@-]{1,64})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArn:
    """A role's ARN and its parts; `path` begins and ends with a slash."""

    text: str
    partition: str
    account: str
    path: str
    name: str


def role_arn(text: str) -> RoleArn | None:
    """Return the parts of `text`, or None if it is not the ARN of one role."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    return RoleArn(text=text, partition=form[1], account=form[2], path=form[3], name=form[4])


ANYTHING: Final = "*"

_OWNER_FIRST: Final = frozenset({"forgejo", "gitea", "github-actions", "gitlab", "vela"})
"""Providers whose `repository` begins with its `organization`, both proven."""

_MAX_PATTERNS: Final = 1000
"""For one template and one organization; a role has room for far fewer (IAM: 10,240 characters)."""

_IN_A_NAME: Final = re.compile(r"[a-z0-9._/*-]*")


def patterns_of(templates: Sequence[Template], grant: Grant, issuers: Sequence[Issuer]) -> frozenset[str]:
    """Return patterns that cover every name that `templates` produce for a run that can match `grant`."""
    found: set[str] = set()
    for issuer in issuers:
        for organization in organizations_left(grant, [issuer]):
            for template in templates:
                found.update(_filled(template, grant, issuer, organization))
    return uncovered(found)


def uncovered(patterns: Iterable[str]) -> frozenset[str]:
    """Return those of `patterns` that no other covers, with runs of `*` written as one."""
    all_of_them = frozenset(re.sub(r"\*+", ANYTHING, pattern) for pattern in patterns)
    by_head: dict[str, list[str]] = {}
    for pattern in all_of_them:
        head, star, _ = pattern.partition(ANYTHING)
        if star:
            by_head.setdefault(head, []).append(pattern)
    return frozenset(pattern for pattern in all_of_them if not any(_wider(pattern, by_head)))


def _wider(pattern: str, by_head: Mapping[str, Sequence[str]]) -> Iterator[bool]:
    """Yield, for each pattern that may cover `pattern`, whether it does.

    Only patterns with the same beginning, before their `*`, are compared: ten thousand grants are a realistic size.
    """
    for length in range(len(pattern.partition(ANYTHING)[0]) + 1):
        for other in by_head.get(pattern[:length], ()):
            # The wider pattern's `*` matches the narrower one's `*` like any other character.
            yield other != pattern and pattern_covers(other, pattern)


def _filled(template: Template, grant: Grant, issuer: Issuer, organization: Organization) -> Iterator[str]:
    values = [_values(name, grant, issuer, organization) for name in template.names]
    while prod(map(len, values)) > _MAX_PATTERNS:
        longest = max(range(len(values)), key=lambda at: len(values[at]))
        values[longest] = [ANYTHING]
    for chosen in product(*values):
        yield template.filled(chosen)


def _values(name: Name, grant: Grant, issuer: Issuer, organization: Organization) -> Sequence[str]:
    """Return the values that `{name}` can have; none if no run of this organization can get the grant."""
    demanded = _demanded(name, grant)
    if demanded is None:
        demanded = _known(name, issuer, organization)
    if demanded is None:
        return [ANYTHING]
    return sorted({fitting for value in demanded for fitting in _fitting(name, value, issuer)})


def _demanded(name: Name, grant: Grant) -> list[str] | None:
    """Return the values, or globs as patterns, that the grant's conditions leave to `name`."""
    for condition in grant.conditions:
        if not is_on_name(condition, name):
            continue
        wanted = wanted_values(condition)
        if wanted is None:
            return None
        return [
            re.sub(r"[*?]+", ANYTHING, text) if is_glob else text
            for text, is_glob in wanted
            if is_glob or condition.holds(text)
        ]
    return None


def _known(name: Name, issuer: Issuer, organization: Organization) -> list[str] | None:
    """Return what the organization determines about `name`."""
    if name == "organization_id" and organization.id is not None:
        return [organization.id]
    if organization.name is None:
        return None
    if name == "organization":
        return [organization.name]
    if name == "repository" and issuer.preset.provider in _OWNER_FIRST:
        return [f"{organization.name}/{ANYTHING}"]
    return None


def _fitting(name: Name, value: str, issuer: Issuer) -> Iterator[str]:
    """Yield `value` as a repository name contains it, if it can."""
    spelled = template_value(name, issuer.preset, {name: value})
    if spelled is None:
        return
    if ANYTHING in spelled:
        if _IN_A_NAME.fullmatch(spelled):
            yield spelled
        return
    if "/" in spelled and name not in WITH_SLASH:
        return
    try:
        yield fill_repository_template(parse_template(f"{{{name}}}"), lambda _: spelled)
    except DoesNotFit:
        return

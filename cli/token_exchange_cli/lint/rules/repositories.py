"""Images that two repositories of a CI system could both push."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from token_exchange.core.policy import Issuer, Template
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.overlaps import can_be_confused, what_is_shared

_MOST_HELD_AGAINST: Final = 200
"""Templates of another issuer, with the same beginning, that one is held against."""


def begins_with_a_name(subject: Subject) -> Iterator[Finding]:
    """A repository's name can be that of any other path in the registry."""
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if template.names and not template.literals[0] and template.names[0] in ("organization", "repository"):
                yield warning(
                    "begins-with-a-name",
                    (*path, "repositories", place),
                    "an organization or repository that is called like another path of the registry pushes there",
                    f"put a prefix of its own in front: ci/{template.text}",
                )


def reaches_everything(subject: Subject) -> Iterator[Finding]:
    """A pattern without a beginning of its own is the whole registry."""
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if template.text.startswith("*"):
                yield warning(
                    "pushes-everywhere",
                    (*path, "repositories", place),
                    "one run can replace images in any path of the registry, those of all others too",
                    "begin with a path, and say whose images they are: ci/{repository}",
                )


def shared_templates(subject: Subject) -> Iterator[Finding]:
    """Two issuers can fill a template with the same text."""
    seen: dict[tuple[str, str], dict[str, dict[str, Template]]] = {}
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if not template.names:
                continue
            by_issuer = seen.setdefault((grant.registry.name, template.literals[0]), {})
            for issuer in subject.issuers(grant):
                found = next(_shared(template, issuer, by_issuer, subject), None)
                if found is not None:
                    other, what = found
                    yield warning(
                        "shared-template",
                        (*path, "repositories", place),
                        f"a repository of {issuer.name} and one of {other} with the same {what} push the same image",
                        f"give each issuer a grant with a prefix of its own: {issuer.name}/{template.text}",
                    )
                by_issuer.setdefault(issuer.name, {}).setdefault(template.text, template)


def _shared(
    template: Template, issuer: Issuer, by_issuer: Mapping[str, Mapping[str, Template]], subject: Subject
) -> Iterator[tuple[str, str]]:
    """Yield each issuer that can fill in a template of its own as `issuer` does this one, and what they then share."""
    for name, templates in by_issuer.items():
        other = subject.policy.issuers[name]
        if can_be_confused(issuer, other):
            for one in islice(templates.values(), _MOST_HELD_AGAINST):
                if (what := what_is_shared(template, issuer, one, other)) is not None:
                    yield name, what


RULES: Final = (begins_with_a_name, reaches_everything, shared_templates)

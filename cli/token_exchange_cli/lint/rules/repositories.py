"""Images that two repositories of CI systems could both push."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from token_exchange.core.policy import Issuer, Template
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.overlaps import can_be_confused, what_is_shared

_MAX_COMPARED: Final = 200
"""Templates of another issuer, with the same beginning, that one template is compared with."""


def begins_with_a_name(subject: Subject) -> Iterator[Finding]:
    """Warn of templates without a prefix: a repository's name can equal any other path in the registry."""
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if template.names and not template.literals[0] and template.names[0] in ("organization", "repository"):
                yield warning(
                    "begins-with-a-name",
                    (*path, "repositories", place),
                    "an organization or repository with the same name as another path of the registry can push there",
                    f"add a separate prefix: ci/{template.text}",
                )


def reaches_everything(subject: Subject) -> Iterator[Finding]:
    """Warn of patterns that begin with a wildcard: they cover the whole registry."""
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if template.text.startswith("*"):
                yield warning(
                    "pushes-everywhere",
                    (*path, "repositories", place),
                    "one run can replace images in any path of the registry, including those of others",
                    "begin with a path, and name the owner of the images: ci/{repository}",
                )


def shared_templates(subject: Subject) -> Iterator[Finding]:
    """Warn of templates that two issuers can fill with the same value."""
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
                        f"give each issuer a grant with its own prefix: {issuer.name}/{template.text}",
                    )
                by_issuer.setdefault(issuer.name, {}).setdefault(template.text, template)


def _shared(
    template: Template, issuer: Issuer, by_issuer: Mapping[str, Mapping[str, Template]], subject: Subject
) -> Iterator[tuple[str, str]]:
    """Yield each issuer whose template can produce the same repository as this one, and the value that they share."""
    for name, templates in by_issuer.items():
        other = subject.policy.issuers[name]
        if can_be_confused(issuer, other):
            for one in islice(templates.values(), _MAX_COMPARED):
                if (what := what_is_shared(template, issuer, one, other)) is not None:
                    yield name, what


RULES: Final = (begins_with_a_name, reaches_everything, shared_templates)

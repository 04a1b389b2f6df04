"""Images that two repositories of a CI system could both push."""

from collections.abc import Iterator
from typing import Final

from token_exchange.policy.model import Issuer
from token_exchange.policy.templates import parse_template
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.sharing import what_is_shared


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
    seen: dict[tuple[str, str], dict[tuple[str, str], Issuer]] = {}
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if not template.names:
                continue
            others = seen.setdefault((grant.registry.name, template.literals[0]), {})
            for issuer in subject.issuers(grant):
                found = [
                    (other, shared)
                    for (_, text), other in others.items()
                    if (shared := what_is_shared(template, issuer, parse_template(text), other)) is not None
                ]
                if found:
                    other, shared = found[0]
                    yield warning(
                        "shared-template",
                        (*path, "repositories", place),
                        f"a repository of {issuer.name} and one of {other.name} with the same {shared} push the same "
                        "image",
                        f"give each issuer a prefix of its own: {issuer.name}/{template.text}",
                    )
                others.setdefault((issuer.name, template.text), issuer)


RULES: Final = (begins_with_a_name, reaches_everything, shared_templates)

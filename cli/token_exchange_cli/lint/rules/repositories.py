"""Images that two repositories of a CI system could both push."""

from collections.abc import Iterator
from typing import Final

from token_exchange.policy.model import Issuer
from token_exchange.policy.reading.problems import Path
from token_exchange_cli.lint.finding import Finding, Subject, warning


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


def shared_templates(subject: Subject) -> Iterator[Finding]:
    """Two issuers with an organization of the same name fill a template with the same text."""
    seen: dict[tuple[str, str], list[tuple[Issuer, Path]]] = {}
    for path, grant in subject.grants():
        if grant.terms is None or grant.terms.access != "push":
            continue
        for place, template in enumerate(grant.terms.repositories):
            if not {"organization", "repository"} & {*template.names}:
                continue
            places = seen.setdefault((grant.registry.name, template.text), [])
            for issuer in subject.issuers(grant):
                at = (*path, "repositories", place)
                other = next((one for one, _ in places if _share_a_name(one, issuer)), None)
                if other is not None:
                    yield warning(
                        "shared-template",
                        at,
                        f"a repository of {issuer.name} and one of {other.name} with the same name push the same image",
                        "give each issuer a prefix of its own",
                    )
                places.append((issuer, at))


def _share_a_name(one: Issuer, other: Issuer) -> bool:
    if one.name == other.name or one.trust.url == other.trust.url:
        return False
    names = [
        {org.name.partition("/")[0].lower() for org in issuer.organizations if org.name} for issuer in (one, other)
    ]
    # An organization that is listed by id alone may have any name.
    by_id_alone = any(org.name is None for issuer in (one, other) for org in issuer.organizations)
    return bool(names[0] & names[1]) or by_id_alone


RULES: Final = (begins_with_a_name, shared_templates)

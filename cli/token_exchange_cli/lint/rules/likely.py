"""Values of the right form that most likely are none: ids that no token has, and regions that AWS does not have."""

from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import EcrRegistry
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.meaning.patterns import has_placeholder
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.values import unknown_region


def not_an_id(subject: Subject) -> Iterator[Finding]:
    """Warn of an organization's id that has another form than the CI system's: its pipelines are refused."""
    for name, issuer in subject.policy.issuers.items():
        system = SYSTEMS.get(issuer.preset.provider)
        question = None if system is None else system.starter.questions.get("organization-id")
        if system is None or question is None:
            continue
        for place, organization in enumerate(issuer.organizations):
            found = organization.id
            if found is None or has_placeholder(found) or question.form.pattern.fullmatch(found):
                continue
            yield warning(
                "not-an-id",
                ("issuers", name, "organizations", place, "id"),
                f"no organization of {system.title} has the id {found}, so its pipelines get nothing",
                f"write {question.where}: {question.form.expected}",
            )


def region_that_is_not_known(subject: Subject) -> Iterator[Finding]:
    """Warn of a region that AWS did not have: no login for such a registry can be made."""
    for name, registry in subject.policy.registries.items():
        if isinstance(registry, EcrRegistry) and (unknown := unknown_region(registry.region)) is not None:
            said, _, advice = unknown.partition("; ")
            yield warning("unknown-region", ("registries", name, "region"), said, advice or "check how it is spelled")


RULES: Final = (not_an_id, region_that_is_not_known)

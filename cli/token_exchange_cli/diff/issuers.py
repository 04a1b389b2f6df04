"""Compare two issuer entries: which tokens they accept, and of which organizations."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

from token_exchange.core.identity import Preset
from token_exchange.core.policy import Budget, Issuer, Organization
from token_exchange.loading.fields import spelled_duration
from token_exchange_cli.diff.change import FieldChange, members, more_or_less, was_and_is


def issuer_marks(old: Issuer, new: Issuer) -> list[FieldChange]:
    """Return how the entry `new` differs from `old`."""
    marks = [*_identity(old, new), *_organizations(old, new)]
    marks += members("audiences", sorted(old.trust.audiences), sorted(new.trust.audiences))
    marks += members("algorithms", sorted(old.trust.algorithms), sorted(new.trust.algorithms))
    for name, was, now in (
        ("max_lifetime", old.trust.max_lifetime_seconds, new.trust.max_lifetime_seconds),
        ("leeway", old.trust.leeway_seconds, new.trust.leeway_seconds),
    ):
        marks += more_or_less(name, was, now, shown=(spelled_duration(was), spelled_duration(now)))
    if old.trust.keys != new.trust.keys:
        marks.append(FieldChange(direction="changed", text="its keys or their source changed"))
    if old.trust.ca_bundle != new.trust.ca_bundle:
        marks.append(FieldChange(direction="changed", text="ca_bundle changed"))
    if old.mode != new.mode:
        marks.append(was_and_is("mode", old.mode, new.mode, "wider" if new.mode == "enforce" else "narrower"))
    return [*marks, *_budgets(old.budgets, new.budgets)]


def summary(issuer: Issuer) -> tuple[str, ...]:
    """Describe an entry that only one of the policies has."""
    organizations = "; ".join(spelled_organization(organization) for organization in issuer.organizations)
    return (
        f"{issuer.preset.provider} at {issuer.trust.url}",
        f"audiences {', '.join(sorted(issuer.trust.audiences))}",
        f"organizations {organizations}",
        *(["in report mode"] if issuer.mode == "report" else []),
    )


def _identity(old: Issuer, new: Issuer) -> Iterator[FieldChange]:
    if old.preset.provider != new.preset.provider:
        yield was_and_is("provider", old.preset.provider, new.preset.provider)
    elif old.preset.vocabulary != new.preset.vocabulary:
        yield FieldChange(direction="changed", text="the names of the vocabulary come from other claims")
    elif reading_rules(old.preset) != reading_rules(new.preset):
        yield FieldChange(direction="changed", text="the rules for reading its tokens changed")
    if old.trust.url != new.trust.url:
        yield was_and_is("issuer", old.trust.url, new.trust.url)


def reading_rules(preset: Preset) -> dict[str, object]:
    """Return how `preset` reads tokens, without its functions, which follow from its provider and issuer."""
    values = {field.name: getattr(preset, field.name) for field in fields(preset)}
    return {name: value for name, value in values.items() if not callable(value)}


def _organizations(old: Issuer, new: Issuer) -> Iterator[FieldChange]:
    come = [one for one in new.organizations if not _allows_all_of(old, one)]
    gone = [one for one in old.organizations if not _allows_all_of(new, one)]
    if come:
        yield FieldChange(direction="wider", text=f"organizations: {'; '.join(map(spelled_organization, come))} added")
    if gone:
        yield FieldChange(
            direction="narrower", text=f"organizations: {'; '.join(map(spelled_organization, gone))} removed"
        )


def _allows_all_of(issuer: Issuer, organization: Organization) -> bool:
    """Say whether the allowlist of `issuer` accepts every token of which only `organization` is known."""
    return issuer.lists(issuer.organizations, name=organization.name, id_=organization.id)


def spelled_organization(organization: Organization) -> str:
    """Return the organization on one line."""
    given = {"name": organization.name, "id": organization.id}
    return " ".join(f"{key} {value}" for key, value in given.items() if value is not None)


def _budgets(old: Sequence[Budget], new: Sequence[Budget]) -> Iterator[FieldChange]:
    """Compare budgets. Each is a separate upper bound, and a different period makes a different budget."""
    before, after = ({(one.per, one.every_seconds): one.exchanges for one in budgets} for budgets in (old, new))
    for (per, every_seconds), exchanges in (before | after).items():
        name = f"budget per {per} every {spelled_duration(every_seconds)}"
        was, now = before.get((per, every_seconds)), after.get((per, every_seconds))
        if was is None:
            yield FieldChange(direction="narrower", text=f"{name}: {exchanges} exchanges, previously unlimited")
        elif now is None:
            yield FieldChange(direction="wider", text=f"{name}: was {was} exchanges, now unlimited")
        else:
            yield from more_or_less(name, was, now, shown=(str(was), str(now)))

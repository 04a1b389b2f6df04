"""Grants that nobody can ever have."""

from collections.abc import Iterator
from typing import Final

from token_exchange.policy.conditions import Condition
from token_exchange.policy.model import Grant, Issuer
from token_exchange.policy.reading.problems import Path
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import Claim, ClaimPath, spelled
from token_exchange_cli.lint.allowlist import can_be_of
from token_exchange_cli.lint.applies import unmatched
from token_exchange_cli.lint.conditions import condition_path
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.proofs import can_hold_together, never_holds, only_values

_CODE: Final = "never-matches"


def never_matches(subject: Subject) -> Iterator[Finding]:
    """Say of a grant why no token that is let in can have it, the first reason that is found."""
    for path, grant in subject.grants():
        issuers = subject.issuers(grant)
        found = _impossible(path, grant, issuers)
        if found is not None:
            yield found


def _impossible(path: Path, grant: Grant, issuers: list[Issuer]) -> Finding | None:
    presets = [issuer.preset for issuer in issuers]
    for condition in grant.conditions:
        if never_holds(condition, presets):
            return warning(
                _CODE,
                condition_path(path, condition),
                "no value satisfies all of its operators, so nobody gets the grant",
                "leave out the operator that contradicts the others",
            )
    if not any(can_hold_together(grant.conditions, [preset]) for preset in presets):
        return warning(
            _CODE,
            path,
            "its conditions exclude each other, so no token satisfies all and nobody gets the grant",
            "make a grant of each condition that excludes another",
        )
    for condition in grant.conditions:
        if all(not can_be_of([condition], issuer) for issuer in issuers):
            return warning(
                _CODE,
                condition_path(path, condition),
                "the allowlist of its issuer lets in no such organization, so nobody gets the grant",
                "list the organization under organizations of the issuer, or name one that is",
            )
    if not any(can_be_of(grant.conditions, issuer) for issuer in issuers):
        return warning(
            _CODE,
            path,
            "no line of its issuer's allowlist has both this organization and this organization_id",
            "take the two from one line of the allowlist",
        )
    missing = [unmatched(grant, preset) for preset in presets]
    if all(missing):
        claim = spelled(missing[0][0])
        return warning(
            _CODE,
            path,
            f"a grant for {presets[0].provider} has to say what {claim} is, since nothing else tells a fork's run; "
            "one that does not applies to nobody",
            f"add a condition on repository, or on {claim}",
        )
    wanted = None if grant.allow_untrusted_triggers else _outsiders_only(grant, presets)
    if wanted is not None:
        return warning(
            _CODE,
            condition_path(path, wanted),
            "outsiders can start such runs, and the grant is not looked at for those, so nobody gets it",
            "name runs that only members start; or set allow_untrusted_triggers, on a grant that pulls alone",
        )
    return None


def _outsiders_only(grant: Grant, presets: list[Preset]) -> Condition | None:
    """Return a condition that holds only of runs that outsiders can start."""
    return next(
        (condition for condition in grant.conditions if all(_is_outsiders(condition, preset) for preset in presets)),
        None,
    )


def _is_outsiders(condition: Condition, preset: Preset) -> bool:
    claim: ClaimPath | None = condition.path
    if condition.section == "match":
        source = next((source for name, source in preset.vocabulary.items() if (name,) == condition.path), None)
        claim = source.path if isinstance(source, Claim) else None
    if claim is None or len(claim) > 1 or claim not in preset.triggers:
        return False
    values = only_values(condition, [preset])
    return bool(values) and all(preset.untrusted_trigger({claim[0]: value}) for _, value in values or ())


RULES: Final = (never_matches,)

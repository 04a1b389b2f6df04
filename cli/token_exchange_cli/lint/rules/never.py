"""Grants that no caller can ever get."""

from collections.abc import Iterator
from typing import Final, assert_never

from token_exchange.core.conditions import Condition, NamedCondition, RawCondition
from token_exchange.core.evaluate import unmatched_claims
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Grant, Issuer
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import ClaimPath, spelled
from token_exchange.loading.problems import Path
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.meaning.applies import never_fits
from token_exchange_cli.meaning.conditions import can_be_of, condition_path
from token_exchange_cli.meaning.proofs import can_hold_together, never_holds, no_token_has, only_values
from token_exchange_cli.subjects.proofs import is_of_no_subject


def never_matches(subject: Subject) -> Iterator[Finding]:
    """Warn of grants that no accepted token can get, with the first reason that is found."""
    for path, grant in subject.grants():
        issuers = subject.issuers(grant)
        for reasons in (_of_one_condition, _of_the_allowlist, _of_all_together, _of_the_provider, _of_the_templates):
            found = next(reasons(path, grant, issuers), None)
            if found is not None:
                yield found
                break


def _of_one_condition(path: Path, grant: Grant, issuers: list[Issuer]) -> Iterator[Finding]:
    presets = [issuer.preset for issuer in issuers]
    for condition in grant.conditions:
        at = condition_path(path, condition)
        if never_holds(condition, presets):
            yield _never(
                at, "no value satisfies all of its operators", "remove the operator that contradicts the others"
            )
        elif all(is_of_no_subject(condition, preset) for preset in presets):
            yield _never(
                at,
                f"no accepted token of {presets[0].provider} has a sub that begins like this",
                "write sub as it is in the tokens: token-exchange token inspect shows it",
            )
        elif all(no_token_has(condition, issuer) for issuer in issuers):
            yield _never(at, f"no token of {presets[0].provider} meets this condition", "remove this condition")
        elif not grant.allow_untrusted_triggers and all(_is_outsiders(condition, preset) for preset in presets):
            yield _never(
                at,
                "outsiders can start such runs, and the grant does not allow untrusted triggers",
                "name runs that only members can start; or set allow_untrusted_triggers, on a grant that only pulls",
            )


def _of_the_allowlist(path: Path, grant: Grant, issuers: list[Issuer]) -> Iterator[Finding]:
    for condition in grant.conditions:
        if not any(can_be_of([condition], issuer) for issuer in issuers):
            yield _never(
                condition_path(path, condition),
                "the allowlist of its issuer has no such organization",
                "add it to the organizations of the issuer, or name one that is listed",
            )
    if not any(can_be_of(grant.conditions, issuer) for issuer in issuers):
        yield _never(
            path,
            "no item of its issuer's allowlist has both this organization and this organization_id",
            "take both from one item of the allowlist",
        )


def _of_all_together(path: Path, grant: Grant, issuers: list[Issuer]) -> Iterator[Finding]:
    if not any(can_hold_together(grant.conditions, [issuer.preset]) for issuer in issuers):
        yield _never(
            path,
            "its conditions exclude each other, and all of them must hold",
            "write one grant for each condition that excludes another",
        )


def _of_the_provider(path: Path, grant: Grant, issuers: list[Issuer]) -> Iterator[Finding]:
    missing = [[*unmatched_claims(grant, issuer.preset)] for issuer in issuers]
    if all(missing):
        claim = spelled(missing[0][0])
        yield _never(
            path,
            f"each grant for {issuers[0].preset.provider} must have a condition on {claim}, since nothing "
            "else identifies a fork's run",
            f"add a condition on repository, or on {claim}",
        )


def _of_the_templates(path: Path, grant: Grant, issuers: list[Issuer]) -> Iterator[Finding]:
    if grant.terms is None:
        return
    for key, templates in (("repositories", grant.terms.repositories), ("also_pull", grant.terms.also_pull)):
        for place, template in enumerate(templates):
            if template.names and all(never_fits(template, grant, issuer) for issuer in issuers):
                yield _never(
                    (*path, key, place),
                    "no value of its names makes a valid ECR repository name",
                    "write out the repository name, in lower case",
                )


def _is_outsiders(condition: Condition, preset: Preset) -> bool:
    claim: ClaimPath | None = None
    match condition:
        case RawCondition(path=claim):
            pass
        case NamedCondition(name=name):
            source = preset.vocabulary.get(name)
            claim = source.path if isinstance(source, Claim) else None
        case _:
            assert_never(condition)
    if claim is None or len(claim) > 1 or claim not in preset.triggers:
        return False
    values = only_values(condition, [preset])
    return bool(values) and all(
        preset.untrusted_trigger({**preset.trigger_context, claim[0]: value}) for _, value in values or ()
    )


def _never(path: Path, because: str, suggestion: str) -> Finding:
    return warning("never-matches", path, f"no caller gets the grant: {because}", suggestion)


RULES: Final = (never_matches,)

"""Who may push images: anyone who can push a branch, unless a grant says more."""

from collections.abc import Iterator
from typing import Final

from token_exchange.core.conditions import Condition, RawCondition
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Grant, Issuer
from token_exchange.core.sources import BracedUuid, Constant
from token_exchange.core.vocabulary import ClaimPath, Name
from token_exchange.loading.problems import Path
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.meaning.conditions import (
    TENANT_NAMES,
    condition_path,
    demands,
    has,
    is_about,
    is_on_claim,
    patterns,
    protects,
    says_which,
)
from token_exchange_cli.subjects.proofs import is_chosen_by_the_job, names_the_tenant

_WHERE: Final[tuple[Name, ...]] = ("branch", "tag", "ref", "environment")
_WHOSE: Final[tuple[Name, ...]] = ("repository", "repository_id", "pipeline", "pipeline_id", "branch", "tag", "ref")

_ID_OF: Final[tuple[tuple[Name, Name], ...]] = (
    ("repository", "repository_id"),
    ("pipeline", "pipeline_id"),
    ("organization", "organization_id"),
    ("actor", "actor_id"),
)
"""The narrower first: a claim that contains two names is reported once."""


def _pushing(subject: Subject) -> Iterator[tuple[Path, Grant]]:
    for path, grant in subject.grants():
        if grant.terms is not None and grant.terms.access == "push":
            yield path, grant


def push_from_anywhere(subject: Subject) -> Iterator[Finding]:
    """Warn where anyone who can push a branch can push images."""
    for path, grant in _pushing(subject):
        for preset in subject.presets(grant):
            if not any(name in preset.vocabulary for name in _WHERE):
                continue
            if not has(grant.conditions, _WHERE, preset) and not protects(grant.conditions, preset):
                yield warning(
                    "push-from-anywhere",
                    path,
                    f"a run of {preset.provider} on any branch can push images, reviewed or not",
                    f"add a condition that not everyone can meet: {_bounds(preset)}",
                )
                break


def _bounds(preset: Preset) -> str:
    forms: dict[Name, str] = {
        "branch": "branch: main",
        "tag": 'tag: {like: "v*"}',
        "ref_protected": "ref_protected: true",
    }
    had = [form for name, form in forms.items() if name in preset.vocabulary]
    return ", or ".join(had) or ("ref: main" if "ref" in preset.vocabulary else "an environment")


def environment_alone(subject: Subject) -> Iterator[Finding]:
    """Warn of an environment as the only limit: a workflow creates one by naming it."""
    for path, grant in subject.grants():
        for preset in subject.presets(grant):
            source = preset.vocabulary.get("environment")
            if source is None or isinstance(source, BracedUuid) or not has(grant.conditions, ("environment",), preset):
                continue
            if not has(grant.conditions, _WHOSE, preset):
                yield warning(
                    "environment-alone",
                    path,
                    "a job creates an environment by naming it, so every repository of the organization can have one "
                    "with this name",
                    "add repository_id, and a branch or tag",
                )
                break


def unprotected_gitlab_push(subject: Subject) -> Iterator[Finding]:
    """Warn of GitLab pushes without a protected ref, which is what limits who may run what."""
    for path, grant in _pushing(subject):
        if any(
            preset.provider == "gitlab" and not protects(grant.conditions, preset) for preset in subject.presets(grant)
        ):
            yield warning(
                "unprotected-gitlab-push",
                path,
                "anyone who can push a branch or tag with that name can push images, even if it is not protected",
                "add ref_protected: true",
            )


def written_by_the_job(subject: Subject) -> Iterator[Finding]:
    """Warn of conditions on values that the job itself can choose."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            found = ((_written(condition, preset), preset) for preset in subject.presets(grant))
            claim, preset = next((each for each in found if each[0] is not None), (None, None))
            if claim is not None and preset is not None:
                proven = _proven_id(preset)
                yield warning(
                    "written-by-the-job",
                    condition_path(path, condition),
                    f"a job of {preset.provider}, or a file of its repository, chooses {claim[-1]}, so this "
                    "excludes no one",
                    f"use a claim that {preset.provider} itself records{f', such as {proven}' if proven else ''}",
                )


def _written(condition: Condition, preset: Preset) -> ClaimPath | None:
    """Return the claim that a job writes, which `condition` is on or inside of."""
    if is_on_claim(condition, ("sub",)) and not is_chosen_by_the_job(condition, preset):
        return None
    paths = _claims_of(condition, preset)
    return next(
        (one for one in sorted(preset.job_controlled_claims) for path in paths if path[: len(one)] == one), None
    )


def _claims_of(condition: Condition, preset: Preset) -> tuple[ClaimPath, ...]:
    """Return the raw claims that `condition` is on, directly or by a name."""
    if isinstance(condition, RawCondition):
        return (condition.path,)
    source = preset.vocabulary.get(condition.name)
    return () if source is None else source.source_claims


def _proven_id(preset: Preset) -> Name | None:
    """Return a proven name that identifies the owner of a run; the only tenant of an issuer identifies nothing."""
    ids: tuple[Name, ...] = ("repository_id", "pipeline_id", "actor_id", "organization")
    for id_ in ids:
        source = preset.vocabulary.get(id_)
        if source is not None and not isinstance(source, Constant) and not preset.is_declared(id_):
            return id_
    return None


def declared_alone(subject: Subject) -> Iterator[Finding]:
    """Warn of declared claims as the only identification."""
    for path, grant in subject.grants():
        for preset in subject.presets(grant):
            declared = [one for one in grant.conditions if _is_declared(one, preset)]
            if declared and not any(_identifies(one, preset) for one in grant.conditions):
                yield warning(
                    "declared-alone",
                    path,
                    f"the run is identified only by what a user of {preset.provider} types in, and any other user "
                    "could type the same",
                    f"add a condition on {proven}"
                    if (proven := _proven_id(preset))
                    else "nothing else in its tokens is proven; keep such a grant narrow and its duration short",
                )
                break


def _is_declared(condition: Condition, preset: Preset) -> bool:
    if isinstance(condition, RawCondition):
        return any(condition.path[: len(one)] == one for one in preset.declared)
    return preset.is_declared(condition.name)


def _identifies(condition: Condition, preset: Preset) -> bool:
    """Say whether `condition` says whose run it is, by what the provider itself records."""
    return says_which(condition) and any(
        is_about(condition, name, preset) and not preset.is_declared(name)
        for name in TENANT_NAMES
        if name in preset.vocabulary
    )


def id_unused(subject: Subject) -> Iterator[Finding]:
    """Warn of conditions by name where an id is available: names can be taken over."""
    for path, grant in subject.grants():
        said: set[tuple[str, ...]] = set()
        for name, id_ in _ID_OF:
            # One missing id is one warning, however many conditions contain the name; the vocabulary first.
            found = list(_by_name_alone(subject, grant, name, id_))
            for condition, issuer in sorted(found, key=lambda each: is_on_claim(each[0], ("sub",)))[:1]:
                if condition.document_path not in said:
                    said |= {condition.document_path, *(each.document_path for each, _ in found)}
                    yield _by_name(path, condition, issuer, name, id_)


def _by_name_alone(subject: Subject, grant: Grant, name: Name, id_: Name) -> Iterator[tuple[Condition, Issuer]]:
    for issuer in subject.issuers(grant):
        if _has_id(name, id_, issuer) and not has(grant.conditions, (id_,), issuer.preset):
            for condition in grant.conditions:
                if _singles_out(condition, issuer.preset) and _is_by_name(condition, name, issuer.preset):
                    yield condition, issuer


def _singles_out(condition: Condition, preset: Preset) -> bool:
    """Say whether `condition` names what it is about; a `sub` of any tenant names nothing that could be renamed."""
    wide = is_on_claim(condition, ("sub",)) and any(
        not names_the_tenant(preset.provider, pattern) for pattern, negated in patterns(condition) if not negated
    )
    return demands(condition) and not wide


def _has_id(name: Name, id_: Name, issuer: Issuer) -> bool:
    """Say whether the provider has an id beside the name, and nothing holds the two together already."""
    preset = issuer.preset
    source, of_id = preset.vocabulary.get(name), preset.vocabulary.get(id_)
    if of_id is None or source == of_id or preset.is_declared(name):
        return False
    lines = issuer.organizations
    by_allowlist = all(line.id is not None and (line.name is not None or len(lines) == 1) for line in lines)
    return not (name == "organization" and by_allowlist)


def _is_by_name(condition: Condition, name: Name, preset: Preset) -> bool:
    in_sub = is_on_claim(condition, ("sub",)) and name in preset.named_in_sub
    return in_sub or is_about(condition, name, preset)


def _by_name(path: Path, condition: Condition, issuer: Issuer, name: Name, id_: Name) -> Finding:
    preset = issuer.preset
    if is_on_claim(condition, ("sub",)) and name in preset.named_in_sub:
        return warning(
            "id-unused",
            condition_path(path, condition),
            f"sub contains the name of the {name}, which others can take over, and {preset.provider} writes sub in "
            "more than one form",
            f"use names of the vocabulary instead: {id_}, and branch or tag",
        )
    return warning(
        "id-unused",
        condition_path(path, condition),
        f"if the {name} is renamed or deleted, anyone who takes its name gets this grant",
        f"add {id_}, which never changes",
    )


RULES: Final = (
    push_from_anywhere,
    environment_alone,
    unprotected_gitlab_push,
    written_by_the_job,
    declared_alone,
    id_unused,
)

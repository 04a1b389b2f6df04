"""How grants differ, and what they reach."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Final

from token_exchange.core.evaluate import unmatched_claims
from token_exchange.core.policy import Grant, Issuer, Policy, SessionTerms, Template
from token_exchange.core.reach import MAX_NAME_LENGTH
from token_exchange.loading.fields import spelled_duration
from token_exchange_cli.diff.change import (
    FieldChange,
    condition_marks,
    condition_text,
    members,
    more_or_less,
    was_and_is,
)
from token_exchange_cli.meaning.applies import must_apply
from token_exchange_cli.meaning.patterns import is_repository_within


def terms_marks(old: SessionTerms, new: SessionTerms) -> list[FieldChange]:
    """Return the marks of what a session may do, for how long, and how it is made."""
    return [
        *_access(old, new),
        *_repositories(old, new),
        *_also(old, new),
        *more_or_less(
            "duration", old.duration_seconds, new.duration_seconds,
            shown=(spelled_duration(old.duration_seconds), spelled_duration(new.duration_seconds)),
        ),
        *_session(old, new),
    ]  # fmt: skip


def _access(old: SessionTerms, new: SessionTerms) -> list[FieldChange]:
    if old.access == new.access:
        return []
    return [was_and_is("access", old.access, new.access, "wider" if new.access == "push" else "narrower")]


def _repositories(old: SessionTerms, new: SessionTerms) -> list[FieldChange]:
    """What moves from `also_pull` to `repositories` is wider, and what goes back is narrower."""
    pulled_before = (*old.repositories, *old.also_pull)
    pulled_after = (*new.repositories, *new.also_pull)
    return [
        *_patterns("wider", "repositories", new.repositories, old.repositories),
        *_patterns("narrower", "repositories", old.repositories, new.repositories),
        *_patterns("wider", "also_pull", new.also_pull, pulled_before),
        *_patterns("narrower", "also_pull", old.also_pull, pulled_after),
    ]


def _patterns(direction: str, key: str, some: Sequence[Template], others: Sequence[Template]) -> list[FieldChange]:
    beyond = [one.text for one in some if not any(is_repository_within(one.text, other) for other in others)]
    if not beyond:
        return []
    if direction == "wider":
        return [FieldChange(direction="wider", text=f"{key}: {', '.join(beyond)} added")]
    return [FieldChange(direction="narrower", text=f"{key}: {', '.join(beyond)} removed")]


def _also(old: SessionTerms, new: SessionTerms) -> list[FieldChange]:
    marks: list[FieldChange] = []
    for right, had, has in (("list", old.also.list, new.also.list), ("import", old.also.import_, new.also.import_)):
        if had != has:
            word = "given" if has else "taken away"
            marks.append(
                FieldChange(direction="wider" if has else "narrower", text=f"also: the right to {right} is {word}")
            )
    match old.also.sign, new.also.sign:
        case None, str(profile):
            marks.append(FieldChange(direction="wider", text=f"also: the right to sign with {profile} is given"))
        case str(profile), None:
            marks.append(
                FieldChange(direction="narrower", text=f"also: the right to sign with {profile} is taken away")
            )
        case was, now if was != now:
            marks.append(was_and_is("also: sign", was, now))
        case _:
            pass
    return marks


def _session(old: SessionTerms, new: SessionTerms) -> list[FieldChange]:
    marks = [was_and_is("role", old.role, new.role)] if old.role != new.role else []
    if old.assume != new.assume:
        marks.append(was_and_is("assume", old.assume, new.assume))
    if old.external_id != new.external_id:
        marks.append(FieldChange(direction="changed", text="external_id changed"))
    for key, was, now in (
        ("session_tags", _tags(old), _tags(new)),
        ("source_identity", _identity(old), _identity(new)),
    ):
        if was != now:
            marks.append(was_and_is(key, was, now))
    return marks


def _tags(terms: SessionTerms) -> str:
    tags = terms.session_tags
    if isinstance(tags, Mapping):
        return ", ".join(f"{key}={template.text}" for key, template in tags.items())
    return str(tags).lower()


def _identity(terms: SessionTerms) -> str:
    identity = terms.source_identity
    return identity.text if isinstance(identity, Template) else str(identity).lower()


_ROOM_CHARACTERS: Final = 200
"""The characters left for the values in a template that fits every caller."""


def grant_marks(old: Grant, new: Grant, before: Policy, after: Policy) -> list[FieldChange]:
    """Return in what the grant `new` of the policy `after` differs from `old` of `before`."""
    old_issuers, new_issuers = _issuers(old, before), _issuers(new, after)
    marks = [
        *members("issuers", old.issuers, new.issuers),
        *condition_marks(old.conditions, new.conditions, before=old_issuers, after=new_issuers),
        *_now_matched(old, new, old_issuers, new_issuers),
        *_templates(old, new, old_issuers, new_issuers),
        *_limits(old, new),
        *_given(old, new),
    ]
    if old.contact != new.contact:
        marks.append(FieldChange(direction="changed", text="contact changed"))
    return marks


def summary(grant: Grant) -> tuple[str, ...]:
    """Describe a grant that only one of the policies has."""
    terms = grant.terms
    login = f"the stored login of {grant.registry.name}" if terms is None else f"{terms.access} {grant.registry.name}"
    repositories = [] if terms is None else [template.text for template in (*terms.repositories, *terms.also_pull)]
    asked = [condition_text(condition) for condition in grant.conditions]
    return (
        f"{login}{': ' if repositories else ''}{', '.join(repositories)}",
        f"for {', '.join(grant.issuers)}{' where ' if asked else ', every run'}{' and '.join(asked)}",
        *(["in report mode"] if grant.mode == "report" else []),
    )


def _issuers(grant: Grant, policy: Policy) -> list[Issuer]:
    return [policy.issuers[name] for name in grant.issuers]


def _now_matched(old: Grant, new: Grant, before: Sequence[Issuer], after: Sequence[Issuer]) -> list[FieldChange]:
    """A grant without a condition that its provider's grants must have applies to no caller."""
    never = {path for issuer in before for path in unmatched_claims(old, issuer.preset)}
    still = {path for issuer in after for path in unmatched_claims(new, issuer.preset)}
    if never == still:
        return []
    names = ", ".join(sorted(".".join(path) for path in never ^ still))
    if never and not still:
        return [
            FieldChange(direction="wider", text=f"applied to no caller, and now has the required condition on {names}")
        ]
    return [FieldChange(direction="changed", text=f"the required condition on {names} changed")]


def _templates(old: Grant, new: Grant, before: Sequence[Issuer], after: Sequence[Issuer]) -> list[FieldChange]:
    """A grant applies only if all of its templates can be filled in, so other templates can mean other runs."""
    if _texts(old) == _texts(new) or old.terms is None or new.terms is None:
        return []
    # Other reasons why a grant does not apply are reported separately.
    plain_old, plain_new = (
        replace(grant, terms=_roomy(terms), expires=None, expires_at_seconds=None, allow_untrusted_triggers=True)
        for grant, terms in ((old, old.terms), (new, new.terms))
    )
    marks: list[FieldChange] = []
    if not must_apply(plain_old, plain_new, after):
        marks.append(FieldChange(direction="wider", text="its templates may now fit more runs"))
    if not must_apply(plain_new, plain_old, before):
        marks.append(FieldChange(direction="narrower", text="its templates may no longer fit some runs"))
    return marks


def _roomy(terms: SessionTerms) -> SessionTerms:
    """Return `terms` whose templates fit every caller that has their names, where there is room for any name.

    Otherwise, removing a repository would look wider: the grant then applies to runs whose names were a few characters
    too long for that repository. GitHub's longest has 140 characters.
    """
    return replace(
        terms,
        repositories=tuple(map(_as_names, terms.repositories)),
        also_pull=tuple(map(_as_names, terms.also_pull)),
    )


def _as_names(template: Template) -> Template:
    literal_characters = sum(map(len, template.literals))
    if literal_characters > MAX_NAME_LENGTH - _ROOM_CHARACTERS:
        return template
    return replace(template, literals=("",) * len(template.literals))


def _texts(grant: Grant) -> object:
    terms = grant.terms
    return None if terms is None else (terms.repositories, terms.also_pull, terms.session_tags, terms.source_identity)


def _limits(old: Grant, new: Grant) -> list[FieldChange]:
    marks: list[FieldChange] = []
    if old.single_use != new.single_use:
        text = "now single_use" if new.single_use else "no longer single_use"
        marks.append(FieldChange(direction="narrower" if new.single_use else "wider", text=text))
    if old.allow_untrusted_triggers != new.allow_untrusted_triggers:
        text = "now allows untrusted triggers" if new.allow_untrusted_triggers else (
            "no longer allows untrusted triggers"
        )  # fmt: skip
        marks.append(FieldChange(direction="wider" if new.allow_untrusted_triggers else "narrower", text=text))
    if old.mode != new.mode:
        marks.append(was_and_is("mode", old.mode, new.mode, "wider" if new.mode == "enforce" else "narrower"))
    return marks + more_or_less(
        "expires",
        inf if old.expires_at_seconds is None else old.expires_at_seconds,
        inf if new.expires_at_seconds is None else new.expires_at_seconds,
        shown=(old.expires or "never", new.expires or "never"),
    )


def _given(old: Grant, new: Grant) -> list[FieldChange]:
    marks: list[FieldChange] = []
    if old.registry.name != new.registry.name:
        marks.append(was_and_is("registry", old.registry.name, new.registry.name))
    if old.terms is None or new.terms is None:
        return (
            marks
            if old.terms == new.terms
            else [*marks, FieldChange(direction="changed", text="the kind of login changed")]
        )
    return marks + terms_marks(old.terms, new.terms)

"""Holds one grant against one caller, and says everything that keeps it from applying."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from token_exchange.core.identity import Identity, identify
from token_exchange.core.policy import Grant, Issuer, RepositoryScope, SessionTerms, Template
from token_exchange.core.ports import Json
from token_exchange.core.reach import DoesNotFit, Reach, filled_text, missing_name, narrowed, reach_of
from token_exchange.core.registries import EcrRegistry
from token_exchange.core.vocabulary import claim_at

type Rule = Literal[
    "allow_untrusted_triggers",
    "expires",
    "mode",
    "must_match",
    "repositories",
    "scope",
    "session_tags",
    "source_identity",
]
"""A field of the grant, or of the request, that is no condition on a claim and did not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """One thing that did not hold.

    `claim` is a claim's name (a list of keys for a nested one), or None where `rule` says what else it was. `found`
    is None where the claim is absent.
    """

    claim: str | list[str] | None
    rule: Rule | None
    expected: Json
    found: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A grant that was looked at, and what did not hold; nothing, where it won."""

    grant: Grant
    failed: tuple[Shortfall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A verified run that is under decision; `now` is in seconds since the epoch."""

    issuer: Issuer
    identity: Identity
    claims: Mapping[str, Json]
    now: float


def caller_of(issuer: Issuer, claims: Mapping[str, Json], *, now: float) -> Caller:
    """Return the caller that `claims` speak of, which a token of `issuer` was found to say.

    Raises:
        Refused: `missing-claim` or `invalid-claim`, as `identify` has it.
    """
    return Caller(issuer=issuer, identity=identify(issuer.preset, claims), claims=claims, now=now)


def conditions_failed(grant: Grant, caller: Caller) -> list[int]:
    """Return the places of the conditions of `grant` that do not hold."""
    vocabulary, claims = caller.identity.vocabulary, caller.claims
    return [
        place
        for place, condition in enumerate(grant.conditions)
        if not condition.holds(condition.found(vocabulary, claims))
    ]


def applies(grant: Grant, caller: Caller) -> bool:
    """Say whether every condition of `grant` holds."""
    vocabulary, claims = caller.identity.vocabulary, caller.claims
    return all(condition.holds(condition.found(vocabulary, claims)) for condition in grant.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What a grant whose conditions hold would give to a caller.

    `applies` is False where `shortfalls` says why it gives nothing, whatever is asked; `covers` is False where it does
    not give what was asked. `asked` is the reach of what it gives, None for a stored login, which nothing bounds.
    """

    applies: bool
    covers: bool
    asked: Reach | None
    shortfalls: tuple[Shortfall, ...]


def fit(grant: Grant, caller: Caller, scope: Sequence[RepositoryScope]) -> Fit:
    """Return what `grant`, whose conditions hold, gives to `caller` who asks for `scope`."""
    shortfalls = [*_unmatched(grant, caller), *_expired(grant, caller), *_missing_names(grant, caller)]
    whole = None
    if grant.terms is not None:
        try:
            whole = reach_of(grant.terms, caller.issuer.preset, caller.identity.vocabulary)
        except DoesNotFit as error:
            found = caller.identity.vocabulary.get(error.name)
            shortfalls.append(Shortfall(claim=error.name, rule="repositories", expected=error.expected, found=found))
    if shortfalls:
        return Fit(applies=False, covers=False, asked=None, shortfalls=tuple(shortfalls))
    if not scope:
        return Fit(applies=True, covers=True, asked=whole, shortfalls=())
    # A scope narrows private ECR alone: neither a stored login nor ECR Public's can be cut to it.
    narrow = None if whole is None or not isinstance(grant.registry, EcrRegistry) else narrowed(whole, scope)
    if narrow is None:
        wanted = " ".join(f"repository:{one.name}:{'pull,push' if one.push else 'pull'}" for one in scope)
        expected = whole.scope if whole is not None and whole.scope else "no scope, since this login takes none"
        short = Shortfall(claim=None, rule="scope", expected=expected, found=wanted)
        return Fit(applies=True, covers=False, asked=None, shortfalls=(short,))
    return Fit(applies=True, covers=True, asked=narrow, shortfalls=())


def _unmatched(grant: Grant, caller: Caller) -> list[Shortfall]:
    """Return the claims that this provider's grants have to match, and of which `grant` says nothing."""
    preset = caller.issuer.preset
    return [
        Shortfall(
            claim=path[0] if len(path) == 1 else [*path],
            rule="must_match",
            expected="matched by a condition of the grant",
            found=claim_at(caller.claims, path),
        )
        for path in sorted(preset.must_match)
        if not any(condition.singles_out(path, preset.vocabulary) for condition in grant.conditions)
    ]


def _expired(grant: Grant, caller: Caller) -> list[Shortfall]:
    if grant.expires_at_seconds is None or caller.now < grant.expires_at_seconds:
        return []
    return [Shortfall(claim=None, rule="expires", expected=grant.expires, found=None)]


def _missing_names(grant: Grant, caller: Caller) -> list[Shortfall]:
    templates: list[tuple[Rule, Template]] = []
    terms = grant.terms
    if terms is not None and isinstance(terms.session_tags, Mapping):
        templates += [("session_tags", template) for template in terms.session_tags.values()]
    if terms is not None and isinstance(terms.source_identity, Template):
        templates.append(("source_identity", terms.source_identity))
    return [
        Shortfall(claim=name, rule=rule, expected={"exists": True}, found=None)
        for rule, template in templates
        if (name := missing_name(template, caller.identity.vocabulary)) is not None
    ]


def look_at(grant: Grant, caller: Caller, scope: Sequence[RepositoryScope]) -> Considered:
    """Return everything that keeps `grant` from winning for `caller`."""
    failed = conditions_failed(grant, caller)
    shortfalls = [_shortfall(grant, place, caller) for place in failed]
    trigger = caller.identity.untrusted_trigger
    if trigger is not None and not grant.allow_untrusted_triggers:
        shortfalls.append(Shortfall(claim=None, rule="allow_untrusted_triggers", expected=True, found=trigger))
    if not failed:
        shortfalls += fit(grant, caller, scope).shortfalls
        if "report" in (grant.mode, caller.issuer.mode):
            shortfalls.append(Shortfall(claim=None, rule="mode", expected="enforce", found="report"))
    return Considered(grant=grant, failed=tuple(shortfalls))


def _shortfall(grant: Grant, place: int, caller: Caller) -> Shortfall:
    condition = grant.conditions[place]
    return Shortfall(
        claim=condition.claim,
        rule=None,
        expected=condition.expected,
        found=condition.found(caller.identity.vocabulary, caller.claims),
    )


def session_texts(terms: SessionTerms, caller: Caller) -> tuple[Mapping[str, str] | None, str | None]:
    """Return the tags and the source identity that `terms` spell out for `caller`; None where they leave it to us."""
    vocabulary = caller.identity.vocabulary
    tags = terms.session_tags
    identity = terms.source_identity
    return (
        {key: filled_text(template, vocabulary) for key, template in tags.items()}
        if isinstance(tags, Mapping)
        else None,
        filled_text(identity, vocabulary) if isinstance(identity, Template) else None,
    )

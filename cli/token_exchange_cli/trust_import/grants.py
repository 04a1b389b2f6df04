"""Convert one trust statement to grants: one for each kind of `sub` that it admits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import Name
from token_exchange_cli.meaning.patterns import PLACEHOLDER
from token_exchange_cli.subjects.grammar import Subject
from token_exchange_cli.subjects.iam_patterns import NotSayable, Value
from token_exchange_cli.subjects.reading import subject_of
from token_exchange_cli.trust_import.demand import Demand
from token_exchange_cli.trust_import.issuers import IssuerForm
from token_exchange_cli.trust_import.remarks import Remark
from token_exchange_cli.trust_import.statements import Trust

_STS: Final = "sts.amazonaws.com"

type Organization = Mapping[str, str]
"""`name`, `id` or both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDraft:
    """A grant to write: its conditions on the vocabulary and on raw claims.

    `audiences` is None if the trust policy accepts any. `is_met` is false if IAM admits no one by it today.
    """

    audiences: frozenset[str] | None
    is_met: bool
    organizations: tuple[Organization, ...]
    match: Mapping[str, Demand]
    claims: Mapping[str, Demand]


def grants_of(trust: Trust, form: IssuerForm, *, remark: Remark) -> Iterator[GrantDraft]:
    """Yield grants that together admit only runs that `trust` admits, and as many as can be expressed.

    Raises:
        NotSayable: something cannot be expressed, and leaving it out would admit more.
    """
    demands = dict(trust.demands)
    if form.preset.provider == "google":
        # For Google, IAM's `aud` is the authorized party, and `oaud` the audience.
        keys = {"aud": "azp", "oaud": "aud"}
        demands = {keys.get(claim, claim): demand for claim, demand in demands.items()}
    audiences = _audiences(demands.pop("aud", None), trust, remark)
    subject = demands.pop("sub", None)
    match, claims, organizations = _stated(demands, form.preset)
    if form.preset.provider in _ASKED_FOR:
        remark(trust.place, _ASKED_FOR[form.preset.provider])
    for reading in _readings(subject, form.preset, trust, remark):
        found = _organizations(reading.subject, organizations, form)
        if not found:
            remark(
                trust.place,
                f"nothing says which organization's runs these are: with {PLACEHOLDER} among the organizations, no one "
                "is admitted; write yours",
            )
        # A condition of the statement itself goes before what its sub says; the condition on sub stays anyway.
        names = {**{name: _one_of(values) for name, values in reading.match.items()}, **match}
        if form.preset.must_match and "repository" not in names and _ORIGIN not in claims:
            remark(trust.place, _NO_ORIGIN)
        yield GrantDraft(
            audiences=audiences,
            is_met=trust.is_met,
            organizations=tuple(found) or ({_organization_key(form.preset): PLACEHOLDER},),
            match=names,
            claims={
                **({} if reading.sub is None else {"sub": reading.sub}),
                **{claim: Demand(among=(value,)) for claim, value in reading.subject.claims.items()},
                **claims,
            },
        )


_ASKED_FOR: Final[Mapping[str, str]] = {
    "buildkite": (
        "a token of Buildkite has organization_id and pipeline_id only where its step requests them, and is refused "
        "without them: add --claim organization_id,pipeline_id to the steps"
    )
}
"""What tokens need for this service, but not for IAM."""

_ORIGIN: Final = "oidc.circleci.com/vcs-origin"

_NO_ORIGIN: Final = (
    "IAM also admits forks, where these are given secrets; this grant admits no one until it has a condition on "
    "repository: add it"
)


def _one_of(values: Sequence[Value]) -> Demand:
    """Return the demand for one of `values`; a value that is only `*` demands only that the claim exists."""
    if any(value.is_pattern and not value.text.strip("*") for value in values):
        return Demand(present=True)
    return Demand(among=tuple(values))


def _audiences(demand: Demand | None, trust: Trust, remark: Remark) -> frozenset[str] | None:
    address = trust.provider.address
    key = "oaud" if address == "accounts.google.com" else "aud"
    if demand is None or (demand.among is None and not demand.refused and demand.present is not False):
        remark(
            trust.place,
            f"no condition on {address}:{key} names an audience, so a token for any audience of the OIDC provider is "
            "accepted",
        )
        return None
    among = demand.among
    if among is None or demand.refused or demand.present is False or any(value.is_pattern for value in among):
        raise NotSayable(f"expected an audience or a list of them, without patterns ({address}:{key})")
    found = frozenset(value.text for value in among)
    if _STS in found:
        remark(
            trust.place,
            f"other services also accept {_STS}, and could pass a token on; have pipelines request your own audience, "
            "and then remove shared_audience",
        )
    return found


def _stated(
    demands: Mapping[str, Demand], preset: Preset
) -> tuple[dict[str, Demand], dict[str, Demand], list[Organization]]:
    """Return the demands on other claims, by name of the vocabulary if there is one, and the organizations in them."""
    match: dict[str, Demand] = {}
    claims: dict[str, Demand] = {}
    organizations: list[Organization] = []
    for claim, demand in demands.items():
        name = _name_of(claim, preset)
        if name is None:
            claims[claim] = demand
            continue
        match[name] = demand
        if name in ("organization", "organization_id") and demand.among is not None:
            key = "name" if name == "organization" else "id"
            organizations += [{key: value.text} for value in demand.among if not value.is_pattern]
    return match, claims, organizations


def _name_of(claim: str, preset: Preset) -> Name | None:
    """Return the name of the vocabulary whose value is exactly this claim."""
    return next((name for name, source in preset.vocabulary.items() if source == Claim((claim,))), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Some of a statement's `sub`, and what they say together: one value of each name in `match` for each."""

    subject: Subject
    match: Mapping[str, tuple[Value, ...]]
    sub: Demand | None


def _readings(demand: Demand | None, preset: Preset, trust: Trust, remark: Remark) -> Iterator[_Reading]:
    if demand is not None and demand.present is False:
        raise NotSayable(f"a token without sub ({trust.provider.address}:sub)")
    if demand is None or demand.among is None:
        which = "on sub" if demand is None or not demand.refused else "on sub except a negative one"
        remark(
            trust.place,
            f"no condition {which}: today, every {'other ' if demand is not None and demand.refused else ''}run of "
            f"{trust.provider.address} whose token has the audience can assume the role",
        )
        yield _Reading(subject=Subject(), match={}, sub=demand)
        return
    readings: list[_Reading] = []
    for value in demand.among:
        subject = subject_of(preset.provider, value)
        for danger in subject.dangers:
            remark(trust.place, f"{value.text} {danger}")
        match = {name: (one,) for name, one in subject.match.items()}
        _add(readings, _Reading(subject=subject, match=match, sub=demand.among_only([value])))
    yield from readings


def _add(readings: list[_Reading], one: _Reading) -> None:
    """Merge `one` into a reading that differs in only one name, if there is one: then one grant covers both."""
    for place, other in enumerate(readings):
        merged = _merged(other, one)
        if merged is not None:
            readings[place] = merged
            return
    readings.append(one)


def _merged(one: _Reading, other: _Reading) -> _Reading | None:
    whose = [(each.subject.organization, each.subject.organization_id) for each in (one, other)]
    if whose[0] != whose[1] or one.match.keys() != other.match.keys() or one.sub is None or other.sub is None:
        return None
    if one.subject.claims != other.subject.claims:
        return None
    differing = [name for name in one.match if one.match[name] != other.match[name]]
    if len(differing) > 1:
        return None
    match = {name: tuple(dict.fromkeys((*one.match[name], *other.match[name]))) for name in one.match}
    values = (*(one.sub.among or ()), *(other.sub.among or ()))
    return _Reading(subject=one.subject, match=match, sub=one.sub.among_only(values))


def _organizations(subject: Subject, stated: Sequence[Organization], form: IssuerForm) -> list[Organization]:
    own = {"name": subject.organization, "id": subject.organization_id}
    named = {key: value for key, value in own.items() if value is not None}
    ids = [one for one in stated if "id" in one and "name" not in one]
    if named.keys() == {"name"} and ids:
        return [{**named, **one} for one in ids]
    if named:
        return [named]
    if stated:
        return [*stated]
    return [form.tenant] if form.tenant else []


def _organization_key(preset: Preset) -> str:
    return "name" if "organization" in preset.vocabulary else "id"

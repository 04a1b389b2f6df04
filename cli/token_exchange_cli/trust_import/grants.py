"""Makes grants of one trust statement: one for each kind of `sub` that it takes."""

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
class Wanted:
    """A grant to be: whom it lets in, by vocabulary and by raw claims.

    `audiences` is None where the trust policy takes any. `is_met` is false where IAM lets no one in by it today.
    """

    audiences: frozenset[str] | None
    is_met: bool
    organizations: tuple[Organization, ...]
    match: Mapping[str, Demand]
    claims: Mapping[str, Demand]


def grants_of(trust: Trust, form: IssuerForm, *, remark: Remark) -> Iterator[Wanted]:
    """Yield grants which together let in no one whom `trust` does not, and as many as can be said.

    Raises:
        NotSayable: something cannot be said, and leaving it out would let in more.
    """
    demands = dict(trust.demands)
    if form.preset.provider == "google":
        # IAM's `aud` of Google is the authorized party, and `oaud` the audience.
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
                f"nothing says which organization's runs these are: with {PLACEHOLDER} among the organizations no one "
                "gets in; write yours",
            )
        # What the statement itself asks of a claim says more than what its sub shows of it, and sub stays anyway.
        names = {**{name: _one_of(values) for name, values in reading.match.items()}, **match}
        if form.preset.must_match and "repository" not in names and _ORIGIN not in claims:
            remark(trust.place, _NO_ORIGIN)
        yield Wanted(
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
        "a token of Buildkite has organization_id and pipeline_id only where its step asks for them, and is refused "
        "without: add --claim organization_id,pipeline_id to the steps"
    )
}
"""What tokens need here that they do not need for IAM."""

_ORIGIN: Final = "oidc.circleci.com/vcs-origin"

_NO_ORIGIN: Final = (
    "IAM lets in forks, too, where these are handed secrets; the policy lets no one in by this grant before it matches "
    "repository: write which"
)


def _one_of(values: Sequence[Value]) -> Demand:
    """Return the demand for one of `values`; one that is only `*` asks no more than that the claim is there."""
    if any(value.is_pattern and not value.text.strip("*") for value in values):
        return Demand(present=True)
    return Demand(among=tuple(values))


def _audiences(demand: Demand | None, trust: Trust, remark: Remark) -> frozenset[str] | None:
    address = trust.provider.address
    key = "oaud" if address == "accounts.google.com" else "aud"
    if demand is None or (demand.among is None and not demand.refused and demand.present is not False):
        remark(
            trust.place,
            f"no condition on {address}:{key} says for whom a token is, so one for any audience of the OIDC provider "
            "will do",
        )
        return None
    among = demand.among
    if among is None or demand.refused or demand.present is False or any(value.is_pattern for value in among):
        raise NotSayable(f"an audience is one value or a list, no pattern and nothing else ({address}:{key})")
    found = frozenset(value.text for value in among)
    if _STS in found:
        remark(
            trust.place,
            f"others accept {_STS}, too, and could hand a token on; have pipelines ask for an audience of your own, "
            "and take shared_audience out then",
        )
    return found


def _stated(
    demands: Mapping[str, Demand], preset: Preset
) -> tuple[dict[str, Demand], dict[str, Demand], list[Organization]]:
    """Return the demands on other claims, by the vocabulary's name where it has one, and organizations among them."""
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
    """Return the name of the vocabulary whose value is this claim, as it stands."""
    return next((name for name, source in preset.vocabulary.items() if source == Claim((claim,))), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Some of a statement's `sub`, and what they say together: each is of one value of each name in `match`."""

    subject: Subject
    match: Mapping[str, tuple[Value, ...]]
    sub: Demand | None


def _readings(demand: Demand | None, preset: Preset, trust: Trust, remark: Remark) -> Iterator[_Reading]:
    if demand is not None and demand.present is False:
        raise NotSayable(f"a token without sub ({trust.provider.address}:sub)")
    if demand is None or demand.among is None:
        which = (
            "says which sub is meant"
            if demand is None or not demand.refused
            else "says more than which sub is not meant"
        )
        remark(
            trust.place,
            f"no condition {which}: today every {'other ' if demand is not None and demand.refused else ''}run of "
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
    """Put `one` to the reading that differs in one name alone, if there is one: then one grant says both."""
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

"""Makes grants of one trust statement: one for each kind of `sub` that it takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import Name
from token_exchange_cli.trust_import.conditions import Remark
from token_exchange_cli.trust_import.issuers import IssuerForm
from token_exchange_cli.trust_import.statements import Trust
from token_exchange_cli.trust_import.subjects import Subject, subject_of
from token_exchange_cli.trust_import.values import Demand, NotSayable, Value

UNKNOWN: Final = "replace-me"
"""What stands for everything that a trust policy does not say; nobody has it."""

_STS: Final = "sts.amazonaws.com"

type Organization = Mapping[str, str]
"""`name`, `id` or both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A grant to be: whom it lets in, by vocabulary and by raw claims."""

    audiences: frozenset[str]
    organizations: tuple[Organization, ...]
    match: Mapping[str, Demand]
    claims: Mapping[str, Demand]


def grants_of(trust: Trust, form: IssuerForm, *, remark: Remark) -> Iterator[Wanted]:
    """Yield grants which together let in nobody whom `trust` does not, and as many as can be said.

    Raises:
        NotSayable: something cannot be said, and leaving it out would let in more.
    """
    demands = dict(trust.demands)
    if form.preset.provider == "google" and "oaud" in demands:
        # IAM's `aud` of Google is the authorized party, and `oaud` the audience.
        authorized = demands.pop("aud", None)
        demands["aud"] = demands.pop("oaud")
        if authorized is not None:
            demands["azp"] = authorized
    audiences = _audiences(demands.pop("aud", None), trust, remark)
    subject = demands.pop("sub", None)
    match, claims, organizations = _stated(demands, form.preset)
    for reading in _readings(subject, form.preset, trust, remark):
        found = _organizations(reading.subject, organizations, form)
        if not found:
            remark(
                f"{trust.place}: nothing says which organization's runs these are: with {UNKNOWN} among the "
                "organizations nobody gets in; write yours"
            )
        yield Wanted(
            audiences=audiences,
            organizations=tuple(found) or ({_organization_key(form.preset): UNKNOWN},),
            # What the statement itself asks of a claim says more than what its sub shows of it, and sub stays anyway.
            match={**{name: Demand(among=values) for name, values in reading.match.items()}, **match},
            claims={**({} if reading.sub is None else {"sub": reading.sub}), **claims},
        )


def _audiences(demand: Demand | None, trust: Trust, remark: Remark) -> frozenset[str]:
    address = trust.provider.address
    if demand is None or demand.among is None:
        remark(
            f"{trust.place}: no condition on {address}:aud says for whom a token is, so one for any audience of the "
            f"OIDC provider will do: with {UNKNOWN} nobody gets in; write the audience that your pipelines ask for"
        )
        return frozenset({f"https://{UNKNOWN}.invalid"})
    if demand.refused or demand.present is False or any(value.is_pattern for value in demand.among):
        raise NotSayable(f"an audience is one value or a list, no pattern and nothing else ({address}:aud)")
    found = frozenset(value.text for value in demand.among)
    if _STS in found:
        remark(
            f"{trust.place}: others accept {_STS}, too, and could hand a token on; have pipelines ask for an audience "
            "of your own, and take shared_audience out then"
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
        remark(
            f"{trust.place}: no condition says which sub of {trust.provider.address} is meant: today every run whose "
            "token has the audience can assume the role"
        )
        yield _Reading(subject=Subject(), match={}, sub=demand)
        return
    readings: list[_Reading] = []
    for value in demand.among:
        subject = subject_of(preset.provider, value)
        for danger in subject.dangers:
            remark(f"{trust.place}: {value.text} takes {danger}")
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
    differing = [name for name in one.match if one.match[name] != other.match[name]]
    if len(differing) > 1:
        return None
    match = {name: tuple(dict.fromkeys((*one.match[name], *other.match[name]))) for name in one.match}
    values = (*(one.sub.among or ()), *(other.sub.among or ()))
    return _Reading(subject=one.subject, match=match, sub=one.sub.among_only(values))


def _organizations(subject: Subject, stated: Sequence[Organization], form: IssuerForm) -> list[Organization]:
    own = {"name": subject.organization, "id": subject.organization_id}
    named = {key: value for key, value in own.items() if value is not None}
    if named:
        return [named]
    if stated:
        return [*stated]
    return [form.tenant] if form.tenant else []


def _organization_key(preset: Preset) -> str:
    return "name" if "organization" in preset.vocabulary else "id"

"""Assemble issuers, registries and grants into one policy."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.ports import Json
from token_exchange_cli.meaning.patterns import PLACEHOLDER
from token_exchange_cli.roles.arns import RoleArn
from token_exchange_cli.trust_import.grants import GrantDraft, Organization
from token_exchange_cli.trust_import.issuers import IssuerForm
from token_exchange_cli.trust_import.statements import OidcProvider

_STS: Final = "sts.amazonaws.com"
_NO_AUDIENCE: Final = f"https://{PLACEHOLDER}.invalid"
_NO_ACCOUNT: Final = "000000000000"

_REGIONS: Final[Mapping[str, str]] = {
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
}

_USUAL_REGION: Final = "us-east-1"

_MAX_NAME_CHARACTERS: Final = 100
"""For the name of a grant, with room for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A grant to write, with its issuer, the provider as IAM names it, and its role if known.

    `source` is the file name.
    """

    form: IssuerForm
    provider: OidcProvider
    role: RoleArn | None
    source: str
    wanted: GrantDraft


type _Taken = tuple[Found, frozenset[str]]
"""With the audiences of its grants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An issuer entry: audiences that the same grants accept."""

    form: IssuerForm
    address: str
    audiences: frozenset[str]


def policy_of(found: Sequence[Found], *, issuer_name: str | None) -> dict[str, Json]:
    """Return the policy for everything that was found, at least one grant."""
    taken = _taken(found)
    entries = _named(list(_entries(taken)), issuer_name)
    registries: dict[str, Json] = {}
    grants: list[Json] = []
    names: set[str] = set()
    for one, audiences in taken:
        registry = _registry(one, registries)
        for entry_name, entry in entries.items():
            if entry.address == one.provider.address and entry.audiences <= audiences:
                name = _unused(_grant_name(one), names)
                grants.append(_grant(one, name=name, issuer=entry_name, registry=registry))
    return {
        "version": 1,
        "issuers": {name: _issuer(entry, taken) for name, entry in entries.items()},
        "registries": registries,
        "grants": grants,
    }


def _taken(found: Sequence[Found]) -> list[_Taken]:
    """Pair each with its audiences; if it accepts any, with those that others of its OIDC provider or issuer name."""
    by_provider: dict[OidcProvider, set[str]] = {}
    by_address: dict[str, set[str]] = {}
    for one in found:
        by_provider.setdefault(one.provider, set()).update(one.wanted.audiences or ())
        by_address.setdefault(one.provider.address, set()).update(one.wanted.audiences or ())
    taken: list[_Taken] = []
    for one in found:
        named = by_provider[one.provider] or by_address[one.provider.address] or {_NO_AUDIENCE}
        taken.append((one, frozenset(named) if one.wanted.audiences is None else one.wanted.audiences))
    return taken


def _entries(taken: Sequence[_Taken]) -> Iterator[_Entry]:
    """Yield entries whose audiences all of their grants accept: an entry's audiences apply to all of its grants."""
    forms = {one.provider.address: one.form for one, _ in taken}
    for address, form in forms.items():
        wanted = [audiences for one, audiences in taken if one.provider.address == address]
        together: dict[frozenset[int], set[str]] = {}
        for audience in sorted(frozenset[str]().union(*wanted)):
            takers = frozenset(number for number, audiences in enumerate(wanted) if audience in audiences)
            together.setdefault(takers, set()).add(audience)
        for audiences in together.values():
            yield _Entry(form=form, address=address, audiences=frozenset(audiences))


def _named(entries: Sequence[_Entry], issuer_name: str | None) -> dict[str, _Entry]:
    names: set[str] = set()
    return {_unused(issuer_name or entry.form.usual_name, names): entry for entry in entries}


def _issuer(entry: _Entry, taken: Sequence[_Taken]) -> Json:
    organizations: list[Organization] = []
    for one, wanted in taken:
        if one.provider.address == entry.address and entry.audiences <= wanted:
            organizations += [each for each in one.wanted.organizations if each not in organizations]
    audiences = sorted(entry.audiences)
    # The placeholder is mostly replaced by the audience that STS itself expects.
    is_shared = any(
        audience in (_STS, _NO_AUDIENCE) or entry.form.preset.shared_audience(audience) for audience in audiences
    )
    fields: dict[str, Json] = {**entry.form.keys, "audience": audiences[0] if len(audiences) == 1 else [*audiences]}
    if is_shared:
        fields["shared_audience"] = True
    named = _names_with_ids(organizations)
    fields["organizations"] = [
        dict[str, Json](each) for each in organizations if "id" in each or each.get("name") not in named
    ]
    return fields


def _names_with_ids(organizations: Iterable[Organization]) -> dict[str, str]:
    """Return the ids that trust policies give with a name. A name with another id is another organization."""
    return {each["name"]: each["id"] for each in organizations if {"id", "name"} <= each.keys()}


def _registry(one: Found, registries: dict[str, Json]) -> str:
    partition, account = _partition(one), _account(one)
    name = "registry" if account == _NO_ACCOUNT else f"registry-{account}"
    registries[name] = {"type": "ecr", "account": account, "region": _REGIONS.get(partition, _USUAL_REGION)}
    return name


def _partition(one: Found) -> str:
    return one.provider.partition if one.role is None else one.role.partition


def _account(one: Found) -> str:
    return (one.provider.account if one.role is None else one.role.account) or _NO_ACCOUNT


def _grant(one: Found, *, name: str, issuer: str, registry: str) -> Json:
    fields: dict[str, Json] = {"name": name, "issuers": [issuer]}
    for section, demands in (("match", one.wanted.match), ("claims", one.wanted.claims)):
        if demands:
            fields[section] = {claim: _short(demand.condition()) for claim, demand in demands.items()}
    if not one.wanted.is_met:
        fields["mode"] = "report"
    unknown = f"arn:{_partition(one)}:iam::{_account(one)}:role/{PLACEHOLDER}"
    return {
        **fields,
        "registry": registry,
        "role": unknown if one.role is None else one.role.text,
        "access": "pull",
        "repositories": [PLACEHOLDER],
    }


def _short(condition: Json) -> Json:
    """Return a list of one value as this value, as people write it."""
    match condition:
        case [only]:
            return only
        case dict():
            return {operator: _short(operand) for operator, operand in condition.items()}
        case _:
            return condition


def _grant_name(one: Found) -> str:
    text = one.source if one.role is None else one.role.name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[:_MAX_NAME_CHARACTERS]
    return name or "imported"


def _unused(name: str, names: set[str]) -> str:
    """Return `name`, with a number if it is taken, and add it to `names`."""
    number, found = 1, name
    while found in names:
        number += 1
        found = f"{name}-{number}"
    names.add(found)
    return found


def unknowns(found: Sequence[Found]) -> Iterator[str]:
    """Yield what to complete in the policy of `found` before it works as intended."""
    addresses = dict.fromkeys(one.provider.address for one in found if one.wanted.audiences is None)
    for address in addresses:
        named = sorted(
            frozenset[str]().union(*(one.wanted.audiences or () for one in found if one.provider.address == address))
        )
        yield (
            f"some trust policies for {address} accept any audience: their grants accept {', '.join(named)}, which "
            "others name; move audiences that their OIDC provider in IAM does not list to separate entries"
            if named
            else f"no trust policy for {address} names an audience: replace {_NO_AUDIENCE} with the one that "
            "pipelines request, and remove shared_audience if only this service accepts it"
        )
    for address in dict.fromkeys(one.provider.address for one in found):
        listed = [each for one in found if one.provider.address == address for each in one.wanted.organizations]
        for name, id_ in _names_with_ids(listed).items():
            if {"name": name} in listed:
                yield (
                    f"organization {name} has the id {id_} in one trust policy, which now applies to all grants of its "
                    "entry"
                )
    if any(one.role is None for one in found):
        yield f"a trust policy does not name its role: replace {PLACEHOLDER} with its name"
    if any(_account(one) == _NO_ACCOUNT for one in found):
        yield f"some grants have no account: replace {_NO_ACCOUNT} with it"
    for role in sorted({one.role.text for one in found if one.role is not None}):
        yield (
            f"{role} trusts the CI system directly: let it trust the service instead (token-exchange roles), or add "
            "assume: web-identity to its grants while you migrate"
        )
    yield (
        f"a trust policy names no registries: grants pull the repository {PLACEHOLDER} in {_USUAL_REGION}; "
        "write registry, access and repositories"
    )

"""The caller to explain, from a token, claims or an audit line."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import click

from token_exchange.core.decision import AccessRequest
from token_exchange.core.evaluate import Caller, caller_of
from token_exchange.core.identity import Identity
from token_exchange.core.policy import Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.sources import Claim
from token_exchange.core.trust import IssuersByUrl, IssuerTrust, check_claims, choose_entry
from token_exchange.core.verifier import UnverifiedToken, chosen_trust, read_compact
from token_exchange.core.vocabulary import NAMES
from token_exchange.http.request import parse_scope
from token_exchange.loading.fields import did_you_mean
from token_exchange.reporting.safe_text import tokens_hashed
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import input_name, read_input


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """The caller or the refusal; `remarks` say how the input differs from a token that is sent now.

    `asked` is what a record's request asked for, or None.
    """

    outcome: Caller | Refused
    remarks: tuple[str, ...] = ()
    asked: AccessRequest | None = None


def issuer_named(policy: Policy, name: str) -> Issuer:
    """Return the issuer entry that the command names.

    Raises:
        click.UsageError: the policy has none of that name.
    """
    issuer = policy.issuers.get(name)
    if issuer is None:
        advice = did_you_mean(name, policy.issuers) or f"; it has {', '.join(policy.issuers)}"
        raise click.UsageError(f"the policy has no issuer {name!a}{advice}")
    return issuer


def entries(policy: Policy, issuer: str | None) -> IssuersByUrl:
    """Return the entries that a token may be for: all, or the one that the command names."""
    if issuer is None:
        return policy.issuers_by_url
    trust = issuer_named(policy, issuer).trust
    return {trust.url: (trust,)}


_LIFETIME_SECONDS: Final = 300


def presented_claims(policy: Policy, claims: Mapping[str, Json], *, issuer: str | None, now: float) -> Presented:
    """Return the caller of a token with `claims`, minted at `now` for the entry `issuer`.

    Without a name, `iss` and `aud` pick the entry, or it is the policy's only one.

    Raises:
        click.UsageError: it is not clear which entry is meant.
    """
    try:
        entry = _entry(policy, claims, issuer)
        filled = filled_in(claims, entry, now=now)
        # No subject is invented for conditions to match; its absence is only tolerated by this check.
        check_claims({"sub": "unsaid", **filled}, trust=entry.trust, now=now)
        caller = caller_of(entry, filled, now=now)
    except Refused as refused:
        return Presented(outcome=refused)
    replaced = [name for name in ("iss", "aud") if claims.get(name, filled[name]) != filled[name]]
    remarks = [f"{name} was replaced by that of the issuer {entry.name!a}" for name in replaced]
    return Presented(outcome=caller, remarks=tuple(remarks))


def filled_in(claims: Mapping[str, Json], issuer: Issuer, *, now: float) -> dict[str, Json]:
    """Return `claims` with the issuer, audience and times of a token that `issuer` makes at `now`."""
    trust = issuer.trust
    audience = claims.get("aud")
    members = audience if isinstance(audience, list) else [audience]
    is_ours = bool(members) and all(isinstance(one, str) and one in trust.audiences for one in members)
    issued_at = int(now)
    filled: dict[str, Json] = {name: value for name, value in claims.items() if name != "nbf"}
    return {
        **filled,
        "iss": trust.url,
        "aud": audience if is_ours else min(trust.audiences),
        "iat": issued_at,
        "exp": issued_at + min(_LIFETIME_SECONDS, trust.max_lifetime_seconds),
    }


def _entry(policy: Policy, claims: Mapping[str, Json], issuer: str | None) -> Issuer:
    if issuer is not None:
        return issuer_named(policy, issuer)
    if "iss" in claims and "aud" in claims:
        return policy.issuers[choose_entry(claims, policy.issuers_by_url).entry]
    if len(policy.issuers) == 1:
        return next(iter(policy.issuers.values()))
    raise click.UsageError(f"choose the issuer of these claims with --issuer: {', '.join(policy.issuers)}")


_CUT: Final = re.compile(r"…\[[0-9]+ more\]\Z")

_TOKEN_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
"""How a record marks a value that was cut."""


class NotARecord(ValueError):
    """The input is not an audit record of a verified token; the message says why."""


def presented_record(policy: Policy, record: Mapping[str, Json], *, issuer: str | None, now: float) -> Presented:
    """Return the caller of the exchange in `record`.

    Raises:
        NotARecord: it is no audit record of a verified token, or of no issuer of `policy`.
    """
    entry = _recorded_entry(policy, record, issuer)
    identity, claims = _mapping(record, "identity"), dict(_mapping(record, "claims"))
    remarks = list(_remarks(policy, entry, record))
    asked = request_in(record)
    if "claims_left_out" in record:
        claims |= {
            source.path[0]: identity[name]
            for name, source in entry.preset.vocabulary.items()
            if isinstance(source, Claim) and len(source.path) == 1 and source.path[0] not in claims and name in identity
        }
    try:
        caller = caller_of(entry, claims, now=now)
    except Refused as refused:
        if "claims_left_out" not in record and not any(is_cut(value) for value in claims.values()):
            return Presented(outcome=refused, remarks=tuple(remarks), asked=asked)
        caller = Caller(
            issuer=entry,
            identity=Identity(vocabulary={}, untrusted_trigger=entry.preset.untrusted_trigger(claims)),
            claims=claims,
            now=now,
        )
    return Presented(outcome=_completed(caller, identity), remarks=tuple(remarks), asked=asked)


def request_in(record: Mapping[str, Json]) -> AccessRequest | None:
    """Return what the record's request asked for; None if the record does not have all of it."""
    asked = record.get("asked")
    if not isinstance(asked, dict) or "asked_left_out" in record or is_cut(asked):
        return None
    registries, grant, scope = asked.get("registries", []), asked.get("grant"), asked.get("scope")
    if not isinstance(registries, list) or not isinstance(grant, str | None) or not isinstance(scope, str | None):
        return None
    names = tuple(name for name in registries if isinstance(name, str))
    if len(names) != len(registries):
        return None
    try:
        return AccessRequest(registries=names, grant=grant, scope=parse_scope(scope))
    except Refused:
        return None  # no line of the service has it


def _completed(caller: Caller, recorded: Mapping[str, Json]) -> Caller:
    """Return `caller` with the names of the vocabulary that only the record's `identity` still contains."""
    recorded_names: dict[str, str | bool] = {
        name: value for name in NAMES if isinstance(value := recorded.get(name), str | bool)
    }
    identity = Identity(
        vocabulary={**recorded_names, **caller.identity.vocabulary}, untrusted_trigger=caller.identity.untrusted_trigger
    )
    return Caller(issuer=caller.issuer, identity=identity, claims=caller.claims, now=caller.now)


def _recorded_entry(policy: Policy, record: Mapping[str, Json], issuer: str | None) -> Issuer:
    if record.get("record") != "audit":
        raise NotARecord("not an audit record: expected record to be audit")
    if record.get("verified") is not True:
        raise NotARecord("the record has no caller: its token was not verified")
    if issuer is not None:
        return issuer_named(policy, issuer)
    name = record.get("issuer")
    entry = policy.issuers.get(name) if isinstance(name, str) else None
    if entry is None:
        raise NotARecord(f"its issuer {name!a} is not in the policy; choose an entry with --issuer")
    return entry


def _mapping(record: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = record.get(name, {})
    if not isinstance(found, dict):
        raise NotARecord(f"{name}: expected an object")
    return found


def _remarks(policy: Policy, issuer: Issuer, record: Mapping[str, Json]) -> Iterable[str]:
    claims = _mapping(record, "claims")
    left_out = record.get("claims_left_out")
    if left_out is not None:
        yield f"the record was cut: {left_out} of the token's claims are not in it"
    if cut := sorted(name for name, value in claims.items() if is_cut(value)):
        yield f"the record has only the beginning, or a token's hash, of {', '.join(cut)}"
    recorded = {*issuer.preset.claims, *claims}
    if unknown := sorted(policy.claims_in_conditions - recorded):
        yield (
            f"the record does not have {', '.join(unknown)}: the token had none, "
            "or no condition of the policy of that day named it"
        )


def is_cut(value: Json) -> bool:
    """Say whether the record has only the beginning of this value, or only the hash of a token in it."""
    match value:
        case str():
            return (value.endswith(" more]") and _CUT.search(value) is not None) or _TOKEN_HASH.search(
                value
            ) is not None
        case list():
            return any(map(is_cut, value))
        case dict():
            return any(is_cut(name) or is_cut(item) for name, item in value.items())
        case _:
            return False


MAX_TOKEN_FILE_BYTES: Final = 64 * 1024
"""A token of 16 KiB, and whitespace around it."""

_MORE_THAN_A_TOKEN: Final = re.compile(r"[\s\"'{]")

UNVERIFIED: Final = "the token is unverified: its signature was not checked, so anyone could have written it"


def read_token(argument: str) -> UnverifiedToken:
    """Return the token in the file `argument`, without surrounding whitespace or a byte order mark.

    Raises:
        Unusable: it cannot be read, or is no token.
    """
    if tokens_hashed(argument) != argument:
        raise Unusable("expected a file with the token, found the token itself; other users can see a command line")
    content = read_input(argument, max_bytes=MAX_TOKEN_FILE_BYTES)
    text = content.removeprefix(BOM_UTF8).decode("ascii", "replace").strip()
    if not text:
        raise Unusable(f"{input_name(argument)}: empty; expected a token")
    if _MORE_THAN_A_TOKEN.search(text):
        raise Unusable(f"{input_name(argument)}: expected only a token, without Bearer, quotes or JSON around it")
    try:
        return read_compact(text)
    except Refused as refused:
        raise Unusable(f"{input_name(argument)}: {refused.description}") from refused


def presented_token(policy: Policy, token: UnverifiedToken, *, issuer: str | None, now: float) -> Presented:
    """Return the caller of `token`, checked against its entry as an exchange at `now` would.

    That it has expired, or is not valid yet, is a remark: a policy is asked about runs, and tokens live for minutes.
    """
    remarks = [UNVERIFIED]
    try:
        _, trust = chosen_trust(token, entries(policy, issuer))
        claims = token.unverified_claims
        remarks += _out_of_time(claims, trust, now=now)
        caller = caller_of(policy.issuers[trust.entry], claims, now=now)
    except Refused as refused:
        return Presented(outcome=refused, remarks=tuple(remarks))
    return Presented(outcome=caller, remarks=tuple(remarks))


def _out_of_time(claims: Mapping[str, Json], trust: IssuerTrust, *, now: float) -> list[str]:
    try:
        check_claims(claims, trust=trust, now=now)
    except Refused as refused:
        if refused.reason not in (Reason.EXPIRED, Reason.NOT_YET_VALID):
            raise
        check_claims(claims, trust=trust, now=_first_moment(claims))
        return [f"{refused.description}: the service would refuse it with {refused.reason}"]
    return []


def _first_moment(claims: Mapping[str, Json]) -> float:
    """Return when a token whose times are numbers becomes valid."""
    times = [claims.get("iat"), claims.get("nbf")]
    return max(float(time) for time in times if isinstance(time, int | float))

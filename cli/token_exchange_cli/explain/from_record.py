"""A caller from an audit record: whom a request of the past was made by, as far as the record has it."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from token_exchange.core.evaluate import Caller, caller_of
from token_exchange.core.identity import Identity
from token_exchange.core.policy import Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import NAMES
from token_exchange_cli.explain.presented import Presented, issuer_named

_CUT: Final = re.compile(r"…\[[0-9]+ more\]\Z")
_TOKEN_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
"""How a record marks a value that it has the beginning of."""


class NotARecord(ValueError):
    """What was given is no audit record that a caller can be made of; the text says why."""


def presented_record(policy: Policy, record: Mapping[str, Json], *, issuer: str | None, now: float) -> Presented:
    """Return the caller of the request that `record` tells of.

    Raises:
        NotARecord: it is no audit record of a verified token, or of no issuer of `policy`.
    """
    entry = _entry(policy, record, issuer)
    identity, claims = _mapping(record, "identity"), dict(_mapping(record, "claims"))
    remarks = list(_remarks(policy, entry, record))
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
            return Presented(outcome=refused, remarks=tuple(remarks))
        caller = Caller(
            issuer=entry,
            identity=Identity(vocabulary={}, untrusted_trigger=entry.preset.untrusted_trigger(claims)),
            claims=claims,
            now=now,
        )
    return Presented(outcome=_completed(caller, identity), remarks=tuple(remarks))


def _completed(caller: Caller, recorded: Mapping[str, Json]) -> Caller:
    """Return `caller` with the names of the vocabulary that only the record's `identity` still has."""
    told: dict[str, str | bool] = {name: value for name in NAMES if isinstance(value := recorded.get(name), str | bool)}
    identity = Identity(
        vocabulary={**told, **caller.identity.vocabulary}, untrusted_trigger=caller.identity.untrusted_trigger
    )
    return Caller(issuer=caller.issuer, identity=identity, claims=caller.claims, now=caller.now)


def _entry(policy: Policy, record: Mapping[str, Json], issuer: str | None) -> Issuer:
    if record.get("record") != "audit":
        raise NotARecord("not an audit record: expected record to be audit")
    if record.get("verified") is not True:
        raise NotARecord("the record tells of nobody: its token was not verified")
    if issuer is not None:
        return issuer_named(policy, issuer)
    name = record.get("issuer")
    entry = policy.issuers.get(name) if isinstance(name, str) else None
    if entry is None:
        raise NotARecord(f"its issuer {name!a} is not in the policy; say with --issuer which entry to take")
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
    """Say whether a record has only the beginning of this value, or only the hash of a token that is in it."""
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

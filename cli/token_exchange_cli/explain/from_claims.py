"""A caller from claims alone, as people write them down: what an issuer adds to each token is filled in."""

from collections.abc import Mapping
from typing import Final

import click

from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused
from token_exchange.core.trust import check_claims, choose_entry
from token_exchange_cli.explain.presented import Presented, issuer_named

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
        # A subject that nobody wrote down is not made up for conditions to match; only its absence is no matter here.
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
    raise click.UsageError(f"say with --issuer whose claims these are: {', '.join(policy.issuers)}")

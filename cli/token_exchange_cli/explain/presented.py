"""Whom a command is asked about: a caller, made with the service's own checks, or the refusal that these end in."""

from dataclasses import dataclass

import click

from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Issuer, Policy
from token_exchange.core.refusals import Refused
from token_exchange.core.trust import IssuersByUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What came of the input: `remarks` say in what it differs from a token that was sent just now."""

    outcome: Caller | Refused
    remarks: tuple[str, ...] = ()


def issuer_named(policy: Policy, name: str) -> Issuer:
    """Return the issuer entry that a command names.

    Raises:
        click.UsageError: the policy has none of that name.
    """
    issuer = policy.issuers.get(name)
    if issuer is None:
        raise click.UsageError(f"the policy has no issuer {name!a}; it has {', '.join(policy.issuers)}")
    return issuer


def entries(policy: Policy, issuer: str | None) -> IssuersByUrl:
    """Return the entries that a token may be for: all, or the one that a command names."""
    if issuer is None:
        return policy.issuers_by_url
    trust = issuer_named(policy, issuer).trust
    return {trust.url: (trust,)}

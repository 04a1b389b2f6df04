"""Write the patterns of `sub` by which a role that trusts a CI system directly admits the runs of a grant."""

from token_exchange.core.policy import Grant, Issuer
from token_exchange_cli.reachable import organizations_left
from token_exchange_cli.subjects.catalog import grammar_of
from token_exchange_cli.subjects.grant_values import name_patterns, stated_patterns
from token_exchange_cli.subjects.proofs import names_the_tenant


class NoSubject(Exception):
    """The grant does not say whose `sub` it is for; the message says what to add."""


def subject_patterns(grant: Grant, issuer: Issuer) -> tuple[str, ...]:
    """Return IAM patterns for the `sub` of runs by `issuer` that `grant` is for, and of no other organization.

    Raises:
        NoSubject: there are none; the role would trust anyone who can get a token from this issuer.
    """
    provider = issuer.preset.provider
    found = _of_sub_itself(grant, issuer)
    if found is None:
        write = grammar_of(provider).write
        if write is None:
            raise NoSubject("add claims: {sub: …} to the grant")
        found = [
            pattern for organization in organizations_left(grant, [issuer]) for pattern in write(grant, organization)
        ]
    if not found or not all(names_the_tenant(provider, pattern) for pattern in found):
        raise NoSubject("name its organizations or repositories, or add claims: {sub: …} that begins with their name")
    return tuple(sorted(set(found)))


def _of_sub_itself(grant: Grant, issuer: Issuer) -> list[str] | None:
    stated = stated_patterns(grant, "claims", "sub")
    for name, source in issuer.preset.vocabulary.items():
        if stated is None and source.source_claims == (("sub",),):
            stated = name_patterns(grant, name)
    return stated

"""Which grants came nearest to a caller, and which of them are his own to be told of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from token_exchange.policy.ask import Ask
from token_exchange.policy.judgement import Caller, Considered, conditions_failed, look_at
from token_exchange.policy.model import Grant, Policy

MOST_CONSIDERED: Final = 10
"""Grants in an answer or a record: enough to mend a policy by, few enough to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Grants by nearness: fewest conditions short, then the file's order.

    `shown` are the nearest of those whose conditions on who asks all hold; `not_shown` counts the rest.
    """

    nearest: tuple[Considered, ...]
    shown: tuple[Considered, ...]
    not_shown: int


def grants_asked(policy: Policy, caller: Caller, ask: Ask, places: Sequence[int] | None = None) -> Iterator[Grant]:
    """Yield the grants of the caller's issuer, or those of them at `places`, that `ask` is about.

    A registry that `ask` names and the policy does not have is nobody's.
    """
    by_host = policy.registries_by_name_or_host
    wanted = {by_host[name].name for name in ask.registries if name in by_host}
    for place in policy.indexes[caller.issuer.name].all if places is None else places:
        grant = policy.grants[place]
        if (not ask.registries or grant.registry.name in wanted) and ask.grant in (None, grant.name):
            yield grant


def nearest_grants(policy: Policy, caller: Caller, ask: Ask) -> Nearest:
    """Look once at every grant that `ask` is about."""
    grants = list(grants_asked(policy, caller, ask))
    short: list[tuple[int, int, bool]] = []
    for place, grant in enumerate(grants):
        failed = conditions_failed(grant, caller)
        short.append((len(failed), place, not grant.who.isdisjoint(failed)))
    nearest = nsmallest(MOST_CONSIDERED, short)
    shown = nsmallest(MOST_CONSIDERED, (item for item in short if not item[2]))
    return Nearest(
        nearest=tuple(look_at(grants[place], caller, ask.scope) for _, place, _ in nearest),
        shown=tuple(look_at(grants[place], caller, ask.scope) for _, place, _ in shown),
        not_shown=len(grants) - len(shown),
    )

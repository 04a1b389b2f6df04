"""Which grants came nearest to a caller: for the audit record, and for what a caller may be told.

Nothing here decides: it is looked up after a decision, and only where a decision was up to the grants.
"""

from heapq import nsmallest
from typing import Final, assert_never

from token_exchange.core.decision import AccessRequest, DenialReason, grants_asked
from token_exchange.core.evaluate import MAX_CONSIDERED, Caller, Considered, explain_grant, failed_conditions
from token_exchange.core.policy import Policy
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason


@record
class Nearest:
    """Grants by nearness: fewest failed conditions, then the order of the file.

    `own` are the nearest of those whose conditions on identifying claims all hold; `others` counts those looked
    at that are not among them.
    """

    nearest: tuple[Considered, ...]
    own: tuple[Considered, ...]
    others: int


NOT_SEARCHED = Nearest(nearest=(), own=(), others=0)

MAX_SEARCHED: Final = 1000
"""Grants of an issuer that a refusal looks at. Of a compiled policy each has to be read, which takes 50 µs."""


def nearest_grants(policy: Policy, caller: Caller, request: AccessRequest) -> Nearest:
    """Look once at every grant that `request` is about, or, if the issuer has too many, at those that can apply."""
    of_issuer = policy.indexes[caller.issuer.name]
    places = of_issuer.all
    if len(places) > MAX_SEARCHED:
        places = of_issuer.candidates(caller.identity.vocabulary, caller.claims)
    grants = list(grants_asked(policy, caller, request, places))
    ranked: list[tuple[int, int, bool]] = []
    for index, grant in enumerate(grants):
        failed = [*failed_conditions(grant.conditions, caller)]
        ranked.append((len(failed), index, grant.identifying.isdisjoint(failed)))
    nearest = nsmallest(MAX_CONSIDERED, ranked)
    own = nsmallest(MAX_CONSIDERED, (item for item in ranked if item[2]))
    return Nearest(
        nearest=tuple(explain_grant(grants[index], caller, request.scope) for _, index, _ in nearest),
        own=tuple(explain_grant(grants[index], caller, request.scope) for _, index, _ in own),
        others=len(grants) - len(own),
    )


def is_up_to_grants(reason: DenialReason) -> bool:
    """Say whether the grants were looked at before a denial for `reason`.

    Where they were not, a refusal costs nothing more: a stranger must not make us look at ten thousand grants.
    """
    match reason:
        case Reason.ORGANIZATION_NOT_ALLOWED | Reason.DENIED | Reason.UNKNOWN_REGISTRY | Reason.UNKNOWN_GRANT:
            return False
        case (
            Reason.AMBIGUOUS_REGISTRY | Reason.UNTRUSTED_TRIGGER | Reason.SCOPE_EXCEEDS_GRANT | Reason.NO_MATCHING_GRANT
        ):
            return True
        case _:
            assert_never(reason)

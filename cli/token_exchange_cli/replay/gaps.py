"""Whether a decision hangs on what an audit record does not tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from token_exchange.core.conditions import Condition
from token_exchange.core.decision import Decision, Denied, Granted, grants_asked
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Ask, Grant, Policy
from token_exchange.core.refusals import Reason
from token_exchange_cli.explain.from_record import is_cut
from token_exchange_cli.replay.recorded import NotRecorded, RecordedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gaps:
    """Claims and names of the vocabulary that the record does not tell, or not whole."""

    claims: frozenset[str]
    names: frozenset[str]

    def in_conditions(self, conditions: Sequence[Condition], caller: Caller) -> str | None:
        """Return the first of them that alone says whether all of `conditions` hold, or None."""
        missing: str | None = None
        for condition in conditions:
            if condition.path[0] in (self.claims if condition.section == "claims" else self.names):
                missing = missing or condition.path[0]
            elif not condition.holds(condition.found(caller.identity.vocabulary, caller.claims)):
                return None
        return missing


def require_told(policy: Policy, caller: Caller, claims: RecordedClaims, ask: Ask, decision: Decision) -> None:
    """Make sure that `decision`, made as if what `claims` does not tell were absent, is right whatever it was.

    Raises:
        NotRecorded: a deny rule or a grant, which can make it another, asks for what is not told.
    """
    gaps = _Gaps(
        claims=frozenset(name for name in policy.claims_in_conditions if not claims.tells(name)),
        names=frozenset(name for name, value in caller.identity.vocabulary.items() if is_cut(value)),
    )
    if not gaps.claims and not gaps.names:
        return
    if isinstance(decision, Denied) and decision.reason is Reason.ORGANIZATION_NOT_ALLOWED:
        return
    refusing = decision.deny_rule if isinstance(decision, Denied) else None
    for rule in policy.deny:
        # Where one refuses for certain, it does not matter whether another does.
        if caller.issuer.name not in rule.issuers or refusing not in (None, rule.name):
            continue
        if missing := gaps.in_conditions(rule.conditions, caller):
            raise NotRecorded(f"the deny rule {rule.name} asks for {missing}")
    if refusing is not None:
        return
    for grant in _deciding(policy, caller, ask, decision):
        if missing := gaps.in_conditions(grant.conditions, caller):
            raise NotRecorded(f"the grant {grant.name} asks for {missing}")


def _deciding(policy: Policy, caller: Caller, ask: Ask, decision: Decision) -> Iterator[Grant]:
    """Yield the grants that win where their conditions hold: none in report mode, and none behind a winner."""
    if caller.issuer.mode == "report":
        return
    winners = {award.grant.name for award in decision.awards} if isinstance(decision, Granted) else set[str]()
    decided: set[str] = set()
    for grant in grants_asked(policy, caller, ask):
        is_over = grant.expires_at_seconds is not None and grant.expires_at_seconds <= caller.now
        is_closed = caller.identity.untrusted_trigger is not None and not grant.allow_untrusted_triggers
        if grant.registry.name in decided or grant.mode == "report" or is_over or is_closed:
            continue
        yield grant
        if grant.name in winners:
            decided.add(grant.registry.name)

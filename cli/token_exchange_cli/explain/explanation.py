"""What a policy says of one caller, and why: every grant that was asked about, condition by condition.

The decision is the service's own. Unlike its answers this says all of it: it is for those who may read the policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from token_exchange.core.conditions import Condition
from token_exchange.core.decision import Decision, Denied, Granted, decide, grants_asked
from token_exchange.core.evaluate import Caller, Considered, look_at
from token_exchange.core.policy import Ask, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused
from token_exchange.http.explain import award_fields
from token_exchange.reporting.audit import shortfall_fields, would_fields
from token_exchange_cli.explain.presented import Presented


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One condition, what was found, and whether it holds."""

    condition: Condition
    found: Json
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One grant, all of its conditions, and everything that keeps it from applying; `won` where it is awarded."""

    considered: Considered
    conditions: tuple[Judged, ...]
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision, or the refusal before it, with the grants: those that won, then the nearest.

    `caller` is None where the token is refused. `deny` are the conditions of the deny rule that refused. `others`
    counts the grants that were not asked about.
    """

    outcome: Decision | Refused
    caller: Caller | None
    deny: tuple[Judged, ...] = ()
    grants: tuple[Judgement, ...] = ()
    others: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def is_granted(self) -> bool:
        """Whether there would be a login."""
        return isinstance(self.outcome, Granted)


def explained(policy: Policy, presented: Presented, ask: Ask) -> Explanation:
    """Return what `policy` says of the one who was presented."""
    caller = presented.outcome
    if isinstance(caller, Refused):
        return Explanation(outcome=caller, caller=None, remarks=presented.remarks)
    decision = decide(policy, caller, ask)
    grants = _judged(policy, caller, ask, decision)
    return Explanation(
        outcome=decision,
        caller=caller,
        deny=_deny_conditions(policy, caller, decision),
        grants=tuple(grants),
        others=len(policy.grants) - len(grants),
        remarks=presented.remarks,
    )


def _deny_conditions(policy: Policy, caller: Caller, decision: Decision) -> tuple[Judged, ...]:
    name = decision.deny_rule if isinstance(decision, Denied) else None
    return next((judged(rule.conditions, caller) for rule in policy.deny if rule.name == name), ())


def judged(conditions: Sequence[Condition], caller: Caller) -> tuple[Judged, ...]:
    """Return how each of `conditions` stands."""
    found = [condition.found(caller.identity.vocabulary, caller.claims) for condition in conditions]
    return tuple(
        Judged(condition=condition, found=value, holds=condition.holds(value))
        for condition, value in zip(conditions, found, strict=True)
    )


def _judged(policy: Policy, caller: Caller, ask: Ask, decision: Decision) -> list[Judgement]:
    winners = {award.grant.name for award in decision.awards} if isinstance(decision, Granted) else set()
    judgements = [
        Judgement(
            considered=look_at(grant, caller, ask.scope),
            conditions=judged(grant.conditions, caller),
            won=grant.name in winners,
        )
        for grant in grants_asked(policy, caller, ask)
    ]
    return sorted(judgements, key=lambda one: (not one.won, sum(not judged.holds for judged in one.conditions)))


def explanation_fields(explanation: Explanation) -> dict[str, Json]:
    """Return what `POST /v1/explain` would answer, with every grant and every condition."""
    outcome, caller = explanation.outcome, explanation.caller
    fields: dict[str, Json] = {"decision": "granted" if explanation.is_granted else "denied"}
    match outcome:
        case Granted():
            fields["reason"] = "granted"
        case Denied() | Refused():
            fields |= {"reason": outcome.reason.value, "description": outcome.description}
        case _:
            assert_never(outcome)
    if caller is not None:
        fields["identity"] = {"issuer": caller.issuer.name, **caller.identity.vocabulary}
        if caller.identity.untrusted_trigger is not None:
            fields["untrusted_trigger"] = caller.identity.untrusted_trigger
    if isinstance(outcome, Denied) and outcome.deny_rule is not None:
        fields["deny_rule"] = {
            "name": outcome.deny_rule,
            "conditions": [_condition_fields(judged) for judged in explanation.deny],
        }
    fields["registries"] = [award_fields(award) for award in outcome.awards] if isinstance(outcome, Granted) else []
    fields["considered"] = [_judgement_fields(judgement) for judgement in explanation.grants]
    fields["considered_not_shown"] = explanation.others
    fields["would"] = [] if isinstance(outcome, Refused) else [would_fields(would) for would in outcome.would]
    fields["remarks"] = [*explanation.remarks]
    return fields


def _judgement_fields(judgement: Judgement) -> Json:
    grant = judgement.considered.grant
    return {
        "grant": grant.name,
        "registry": grant.registry.name,
        "won": judgement.won,
        "conditions": [_condition_fields(judged) for judged in judgement.conditions],
        "failed": [shortfall_fields(shortfall) for shortfall in judgement.considered.failed],
    }


def _condition_fields(judged: Judged) -> Json:
    claim = judged.condition.claim
    fields: dict[str, Json] = {
        "section": judged.condition.section,
        "claim": claim if isinstance(claim, str) else [*claim],
        "expected": judged.condition.expected,
        "holds": judged.holds,
    }
    if judged.found is not None:
        fields["found"] = judged.found
    return fields

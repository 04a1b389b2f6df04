"""The decision of a policy on one caller, with every condition of every grant, as JSON and as text.

The decision is the service's own. Unlike its responses, this shows everything: it is for those who may read the policy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from rich.text import Text

from token_exchange.core.conditions import Condition
from token_exchange.core.decision import AccessRequest, Award, Decision, Denied, Granted, decide, requested_grants
from token_exchange.core.evaluate import Caller, Considered, FailedCheck, explain_grant
from token_exchange.core.policy import Grant, Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.vocabulary import spelled
from token_exchange.http.token import award_fields
from token_exchange.loading.fields import spelled_duration
from token_exchange.reporting.audit import would_fields
from token_exchange.reporting.disclosure import failed_check_fields, is_up_to_grants, requirement_text
from token_exchange_cli.explain.callers import Presented
from token_exchange_cli.safe_text import ascii_json, escape_non_ascii
from token_exchange_cli.terminal import line


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One condition, the value found, and whether it holds."""

    condition: Condition
    found: Json
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One grant, all of its conditions, and everything that keeps it from applying; `won` if it is awarded."""

    considered: Considered
    conditions: tuple[Judged, ...]
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision, or a refusal before it, with the grants: those that won, then the nearest.

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
    def nearest(self) -> Considered | None:
        """The grant that came nearest, where a denial was up to the grants and one lacks something."""
        outcome = self.outcome
        if not isinstance(outcome, Denied) or not self.grants or not is_up_to_grants(outcome.reason):
            return None
        nearest = self.grants[0].considered
        return nearest if nearest.failed else None

    @property
    def is_granted(self) -> bool:
        """Whether the caller would get a login."""
        return isinstance(self.outcome, Granted)


def explained(policy: Policy, presented: Presented, ask: AccessRequest) -> Explanation:
    """Return the decision of `policy` on the presented caller."""
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
    """Return the result of each of `conditions`."""
    found = [condition.found(caller.identity.vocabulary, caller.claims) for condition in conditions]
    return tuple(
        Judged(condition=condition, found=value, holds=condition.holds(value))
        for condition, value in zip(conditions, found, strict=True)
    )


def _judged(policy: Policy, caller: Caller, ask: AccessRequest, decision: Decision) -> list[Judgement]:
    winners = {award.grant.name for award in decision.awards} if isinstance(decision, Granted) else set()
    judgements = [
        Judgement(
            considered=explain_grant(grant, caller, ask.scope),
            conditions=judged(grant.conditions, caller),
            won=grant.name in winners,
        )
        for grant in requested_grants(policy, caller, ask)
    ]
    return sorted(judgements, key=lambda one: (not one.won, sum(not judged.holds for judged in one.conditions)))


def explanation_fields(explanation: Explanation) -> dict[str, Json]:
    """Return the response of `POST /v1/explain`, with every grant and every condition."""
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
        "failed": [failed_check_fields(failed) for failed in judgement.considered.failed],
    }


def _condition_fields(judged: Judged) -> Json:
    claim = judged.condition.claim
    fields: dict[str, Json] = {
        "section": judged.condition.document_path[0],
        "claim": claim if isinstance(claim, str) else [*claim],
        "expected": judged.condition.expected,
        "holds": judged.holds,
    }
    if judged.found is not None:
        fields["found"] = judged.found
    return fields


_MOST_GRANTS: Final = 20
"""A policy may have ten thousand, and the answer is printed before them."""

_GOOD, _BAD, _FAINT = "bold green", "bold red", "dim"


def explanation_lines(explanation: Explanation) -> Iterator[Text]:
    """Yield the lines: the decision, its reason, the caller, and each grant with its conditions."""
    yield from _decision(explanation)
    if explanation.caller is not None:
        yield line("")
        yield from _caller(explanation.caller)
    for judgement in explanation.grants[:_MOST_GRANTS]:
        yield line("")
        yield from _grant(judgement, is_decided_by_order=explanation.is_granted)
    if (more := len(explanation.grants) - _MOST_GRANTS) > 0:
        yield line("")
        yield line((f"further away: {more} more, which --json shows", _FAINT))
    if explanation.others:
        yield line("")
        yield line((f"not asked about: {explanation.others} of other issuers, registries or names", _FAINT))


def _decision(explanation: Explanation) -> Iterator[Text]:
    outcome = explanation.outcome
    if isinstance(outcome, Granted):
        yield line(("granted", _GOOD))
        for award in outcome.awards:
            yield from _award(award)
        return
    yield line(("denied", _BAD), f": {outcome.reason}")
    yield line(f"{escape_non_ascii(outcome.description)}{_nearest(explanation)}", indent=2)
    if isinstance(outcome, Denied) and outcome.deny_rule is not None:
        yield line(f"the deny rule is {outcome.deny_rule}", indent=2)
        for judged in explanation.deny:
            yield _condition(judged)
    if explanation.caller is not None and outcome.reason is Reason.ORGANIZATION_NOT_ALLOWED:
        yield from _organizations(explanation.caller.issuer)
    if not isinstance(outcome, Refused):
        for would in outcome.would:
            yield line(f"in report mode: {would.grant.name} would have granted {_access(would.grant)}", indent=2)


def _award(award: Award) -> Iterator[Text]:
    yield line(f"{award.registry.name}: {_access(award.grant)} by the grant {award.grant.name}", indent=2)
    if award.reach is None or award.grant.terms is None:
        yield line(f"{award.registry.host}, as it is stored, without limits", indent=4)
        return
    yield line(f"{award.registry.host}, for {spelled_duration(award.grant.terms.duration_seconds)}", indent=4)
    if award.reach.repositories:
        yield line(f"repositories {', '.join(award.reach.repositories)}", indent=4)
    if award.reach.also_pull:
        yield line(f"pull only {', '.join(award.reach.also_pull)}", indent=4)


def _access(grant: Grant) -> str:
    return "a stored login" if grant.terms is None else grant.terms.access


def _nearest(explanation: Explanation) -> str:
    """Return why the nearest grant failed, where the decision was up to the grants."""
    nearest = explanation.nearest
    return (
        "" if nearest is None else f": {nearest.grant.name!r} {escape_non_ascii(requirement_text(nearest.failed[0]))}"
    )


def _organizations(issuer: Issuer) -> Iterator[Text]:
    """Yield the allowlist that the caller's organization is not on."""
    for one in issuer.organizations:
        both = [f"{name} {ascii_json(value)}" for name, value in (("name", one.name), ("id", one.id)) if value]
        yield line(f"listed: {' and '.join(both)}", indent=2)


def _caller(caller: Caller) -> Iterator[Text]:
    yield line(("caller", "bold"), f" by the issuer {caller.issuer.name}")
    for name, value in caller.identity.vocabulary.items():
        yield line((f"{name:16}", _FAINT), f" {ascii_json(value)}", indent=2)
    if caller.identity.untrusted_trigger is not None:
        yield line(
            ("outsiders can start such a run", _BAD),
            f": {escape_non_ascii(caller.identity.untrusted_trigger)}",
            indent=2,
        )


def _grant(judgement: Judgement, *, is_decided_by_order: bool) -> Iterator[Text]:
    grant = judgement.considered.grant
    won = (" wins", _GOOD) if judgement.won else ""
    yield line(("grant ", "bold"), (grant.name, "bold"), f" ({_access(grant)} {grant.registry.name})", won)
    for judged in judgement.conditions:
        yield _condition(judged)
    for failed in judgement.considered.failed:
        if failed.rule is not None:
            yield line(("fails", _BAD), f" {_rule(failed)}", indent=2)
    if is_decided_by_order and not judgement.considered.failed and not judgement.won:
        yield line(("holds, but another grant comes first for this registry", _FAINT), indent=2)


def _condition(judged: Judged) -> Text:
    condition = judged.condition
    word = ("holds", _GOOD) if judged.holds else ("fails", _BAD)
    section, *path = condition.document_path
    name = spelled(tuple(path)) if section == "match" else f"claims {spelled(tuple(path))}"
    found = "none" if judged.found is None else ascii_json(judged.found)
    return line(word, f" {escape_non_ascii(name)}: expected {ascii_json(condition.expected)}, found {found}", indent=2)


def _rule(failed: FailedCheck) -> str:
    claim = failed.claim
    name = "" if claim is None else f" {ascii_json(claim if isinstance(claim, str) else [*claim])}"
    found = "" if failed.found is None else f", found {ascii_json(failed.found)}"
    return f"{failed.rule}{name}: expected {ascii_json(failed.expected)}{found}"

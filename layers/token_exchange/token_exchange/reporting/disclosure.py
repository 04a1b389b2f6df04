"""What a caller may know about a decision. This is the only place that decides it, for `/v1/token` and `/v1/explain`.

Until signature, issuer, audience, times and organization are proven, the answer depends only on the token. After that
the caller sees the identity that the service recognized. If grants were evaluated, the caller sees their own: those
whose conditions on identifying claims all hold (`Grant.identifying`); of the others only the number. A run that
outsiders can start, or that a deny rule refuses, sees none: a failed condition would tell its author what to imitate.
Roles and deny rules are never named. The audit record has everything.

The nearest grants are searched after a decision, and only if it depended on grants.
"""

import json
from collections.abc import Sequence
from heapq import nsmallest
from typing import TYPE_CHECKING, Final, Literal, assert_never

from token_exchange.core.attempt import Attempt
from token_exchange.core.decision import (
    AccessRequest,
    Award,
    DenialReason,
    Denied,
    Granted,
    ReportOnlyAward,
    requested_grants,
)
from token_exchange.core.evaluate import (
    MAX_CONSIDERED,
    Caller,
    Considered,
    FailedCheck,
    explain_grant,
    failed_conditions,
)
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason
from token_exchange.reporting.reasons import MEANINGS
from token_exchange.reporting.safe_text import cut, cut_json

if TYPE_CHECKING:
    from token_exchange.reporting.audit import AuditRecord

_MAX_TEXT: Final = 100

type Disclosure = Literal["nothing", "identity", "own-grants"]
"""How much the caller may know; each includes what precedes it."""


@record
class Nearest:
    """Grants by nearness: fewest failed conditions, then the order of the file.

    `own` are the nearest of those whose conditions on identifying claims all hold; `others` counts all that are not
    among them, except grants of a compiled policy that a request for a registry did not have to read.
    """

    nearest: tuple[Considered, ...]
    own: tuple[Considered, ...]
    others: int


NOT_SEARCHED = Nearest(nearest=(), own=(), others=0)


def disclosure(attempt: Attempt) -> Disclosure:
    """Return how much of `attempt` its caller may know: nothing until there is a decision."""
    decision = attempt.decision
    if decision is None or attempt.caller is None:
        return "nothing"
    allowed = _of_denial(decision.reason) if isinstance(decision, Denied) else "own-grants"
    # Anyone who can open a pull request can start such a run: it sees no grant, whatever was decided.
    if allowed == "own-grants" and attempt.caller.identity.untrusted_trigger is not None:
        return "identity"
    return allowed


def _of_denial(reason: DenialReason) -> Disclosure:
    match reason:
        case Reason.ORGANIZATION_NOT_ALLOWED:
            return "nothing"
        case (
            Reason.DENIED
            | Reason.UNTRUSTED_TRIGGER
            | Reason.UNKNOWN_REGISTRY
            | Reason.UNKNOWN_GRANT
            | Reason.AMBIGUOUS_REGISTRY
        ):
            return "identity"
        case Reason.NO_MATCHING_GRANT | Reason.SCOPE_EXCEEDS_GRANT:
            return "own-grants"
        case _:
            assert_never(reason)


def identity_fields(attempt: Attempt) -> dict[str, Json]:
    """Return the identity that the service recognized, if the caller may know it."""
    caller = attempt.caller
    if caller is None or disclosure(attempt) == "nothing":
        return {}
    return {"identity": {"issuer": caller.issuer.name, **caller.identity.vocabulary}}


def own_grants(record: "AuditRecord") -> Nearest:
    """Return the nearest grants, of which the caller may see `own`; none if they may see none."""
    return record.nearest() if disclosure(record.attempt) == "own-grants" else NOT_SEARCHED


def considered_fields(record: "AuditRecord") -> dict[str, Json]:
    """Return the caller's own grants with the checks that failed, winners first, and the number of the others."""
    found = own_grants(record)
    decision = record.attempt.decision
    awards = decision.awards if isinstance(decision, Granted) and found is not NOT_SEARCHED else ()
    winners = [Considered(grant=award.grant, failed=()) for award in awards]
    names = {winner.grant.name for winner in winners}
    shown = [*winners, *(own for own in found.own if own.grant.name not in names)][:MAX_CONSIDERED]
    fields: dict[str, Json] = {}
    if shown:
        fields["considered"] = [
            {"grant": one.grant.name, "failed": [failed_check_fields(failed) for failed in one.failed]} for one in shown
        ]
    if found.others:
        fields["considered_not_shown"] = found.others
    return fields


def report_only_awards(attempt: Attempt) -> Sequence[ReportOnlyAward]:
    """Return what report mode would have granted, if the caller may know it."""
    if attempt.decision is None or disclosure(attempt) != "own-grants":
        return ()
    return attempt.decision.would


def description_of(denied: Denied, record: "AuditRecord") -> str:
    """Return the denial in a sentence, with what the nearest of the caller's own grants requires."""
    nearest = next((one for one in own_grants(record).own if one.failed), None)
    if nearest is None:
        return denied.description
    return f"{denied.description}: '{nearest.grant.name}' {requirement_text(nearest.failed[0])}"


def hint_of_denial(denied: Denied, record: "AuditRecord") -> str:
    """Return what the caller can do, and the contact of the nearest of their own grants."""
    hint = MEANINGS[denied.reason].hint
    if denied.in_report_mode:
        hint = (
            "a grant or issuer in report mode grants nothing: ask for mode enforce once its audit lines are as expected"
        )
    own = own_grants(record).own
    return _with_contact(hint, own[0].grant.contact if own else None)


def hint_of_refusal(reason: Reason, awards: Sequence[Award]) -> str:
    """Return the same for a request that was refused after it had been granted `awards`."""
    return _with_contact(MEANINGS[reason].hint, awards[0].grant.contact if awards else None)


def _with_contact(hint: str, contact: str | None) -> str:
    return f"{hint}; contact: {contact}" if contact else hint


def requirement_text(failed: FailedCheck) -> str:
    """Return a failed check in words: what the grant requires, and what the token has."""
    if failed.claim is None:
        return _rule_text(failed)
    name = failed.claim if isinstance(failed.claim, str) else " → ".join(failed.claim)
    found = "has none" if failed.found is None else f"has {_shown(failed.found)}"
    to_be = "to be " if failed.rule in {"repositories", "must_match"} else ""
    return f"wants {name} {to_be}{_shown(failed.expected)}, the token {found}"


def _rule_text(failed: FailedCheck) -> str:
    match failed.rule:
        case "expires":
            return f"counted until {_shown(failed.expected)}"
        case "scope":
            return f"holds {_shown(failed.expected)}"
        case "mode":
            return "is in report mode"
        case rule:
            return f"wants {rule} {_shown(failed.expected)}"


def _shown(value: Json) -> str:
    match value:
        case [single]:
            return _shown(single)
        case list():
            shown = " or ".join(_shown(item) for item in value)
        case str():
            shown = value
        case dict():
            shown = ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
        case _:
            shown = json.dumps(value)
    return shown if len(shown) <= _MAX_TEXT else f"{shown[:_MAX_TEXT]}…"


MAX_SEARCHED: Final = 1000
"""Grants of an issuer that a refusal evaluates in a compiled policy; reading one takes 50 µs."""


def nearest_grants(policy: Policy, caller: Caller, request: AccessRequest) -> Nearest:
    """Evaluate every grant that `request` is about; if too many would have to be read, only those that can apply."""
    of_issuer = policy.indexes[caller.issuer.name]
    if is_limited := len(of_issuer.all) > MAX_SEARCHED and not isinstance(policy.grants, tuple):
        places = of_issuer.candidates(caller.identity.vocabulary, caller.claims)
    else:
        places = of_issuer.all
    grants = list(requested_grants(policy, caller, request, places))
    # A request for a registry or a grant excludes some of the grants that were not read; it is not known how many.
    asks_for_all = not request.registries and request.grant is None
    total = len(of_issuer.all) if is_limited and asks_for_all else len(grants)
    ranked: list[tuple[int, int, bool]] = []
    for index, grant in enumerate(grants):
        failed = [*failed_conditions(grant.conditions, caller)]
        ranked.append((len(failed), index, grant.identifying.isdisjoint(failed)))
    nearest = nsmallest(MAX_CONSIDERED, ranked)
    own = nsmallest(MAX_CONSIDERED, (item for item in ranked if item[2]))
    return Nearest(
        nearest=tuple(explain_grant(grants[index], caller, request.scope) for _, index, _ in nearest),
        own=tuple(explain_grant(grants[index], caller, request.scope) for _, index, _ in own),
        others=total - len(own),
    )


def is_up_to_grants(reason: DenialReason) -> bool:
    """Return whether grants were evaluated before a denial for `reason`.

    If not, none are evaluated for the answer: an outsider must not make the service read ten thousand grants.
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


def failed_check_fields(failed: FailedCheck) -> dict[str, Json]:
    """Return one failed check, as answers and records show it."""
    fields: dict[str, Json] = {}
    if failed.claim is not None:
        fields["claim"] = cut(failed.claim) if isinstance(failed.claim, str) else [*failed.claim]
    if failed.rule is not None:
        fields["rule"] = failed.rule
    fields["expected"] = failed.expected
    if failed.found is not None:
        fields["found"] = cut_json(failed.found)
    return fields

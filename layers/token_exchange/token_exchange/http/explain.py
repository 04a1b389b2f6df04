"""`POST /v1/explain`: the decision of an exchange, with nothing minted, spent or asked of AWS."""

from typing import assert_never

from token_exchange.core.decision import Award, Decision, Denied
from token_exchange.core.exchange import Exchange, Explained
from token_exchange.core.policy import spelled_duration
from token_exchange.core.ports import Json
from token_exchange.core.refusals import MEANINGS, Reason, Refused
from token_exchange.http.answers import json_answer
from token_exchange.http.event import HttpAnswer, HttpRequest, find_token
from token_exchange.http.parameters import SentParameters
from token_exchange.http.request import read_explain_parameters
from token_exchange.http.token import denial, refusal
from token_exchange.reporting.audit import AuditRecord, would_fields
from token_exchange.reporting.disclosure import considered_fields, explained_fields, identity_fields


def explain_token(exchange: Exchange, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
    """Return the answer to `request`; `record` is filled with what there is to say of it.

    What an exchange would refuse for the request or the token, or could not decide, is answered as there.
    """
    record.is_explanation = True
    sent = SentParameters.read(request)
    if request.method != "POST":
        refused = Refused(Reason.METHOD_NOT_ALLOWED, "expected POST")
        return refusal(refused, sent, record, headers={"Allow": "POST"})
    try:
        wanted = read_explain_parameters(sent)
        raw_token = find_token(request, wanted.subject_token)
        record.record_token_hash(raw_token)
        outcome = exchange.explain(raw_token, wanted.ask, record.attempt)
    except Refused as refused:
        return refusal(refused, sent, record)
    match outcome:
        case Explained():
            return json_answer(200, _granted(outcome, record), request_id=record.request_id)
        case Denied() if MEANINGS[outcome.reason].error == "access_denied":
            record.refuse(Refused(outcome.reason, outcome.description), status=200)
            return json_answer(200, _denied(outcome, record), request_id=record.request_id)
        case Denied():
            return denial(outcome, sent, record)
        case _:
            assert_never(outcome)


def _granted(explained: Explained, record: AuditRecord) -> dict[str, Json]:
    granted = explained.granted
    return {
        "decision": "granted",
        "reason": "granted",
        **identity_fields(record),
        "registries": [award_fields(award) for award in granted.awards],
        **({} if _is_outsiders(record) else explained_fields(granted, explained.nearest)),
        "would": _would(granted, record),
        "request_id": record.request_id,
    }


def _denied(denied: Denied, record: AuditRecord) -> dict[str, Json]:
    return {
        "decision": "denied",
        "reason": denied.reason.value,
        **identity_fields(record),
        "registries": [],
        **considered_fields(denied),
        "would": _would(denied, record),
        "request_id": record.request_id,
    }


def _would(decision: Decision, record: AuditRecord) -> list[Json]:
    """Return what report mode would have granted; as of the grants, a run that outsiders can start is told of none."""
    return [] if _is_outsiders(record) else [would_fields(would) for would in decision.would]


def _is_outsiders(record: AuditRecord) -> bool:
    return record.attempt.caller is None or record.attempt.caller.identity.untrusted_trigger is not None


def award_fields(award: Award) -> dict[str, Json]:
    """Return one login that would be made, as it is explained; a stored one has neither reach nor time."""
    fields: dict[str, Json] = {
        "name": award.registry.name,
        "registry": award.registry.host,
        "grant": award.grant.name,
    }
    if award.reach is not None and award.grant.terms is not None:
        fields["access"] = award.reach.access
        fields["repositories"] = [*award.reach.repositories]
        fields["also_pull"] = [*award.reach.also_pull]
        fields["duration"] = spelled_duration(award.grant.terms.duration_seconds)
    return fields

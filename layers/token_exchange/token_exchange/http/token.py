"""`POST /v1/token` and `POST /v1/explain`: one answer and one audit line, whatever happens.

An explanation is the decision of an exchange, but nothing is minted or spent, and AWS is not called.
"""

from collections.abc import Sequence
from typing import assert_never

from token_exchange.core.decision import Award, Decision, Denied, Granted
from token_exchange.core.exchange import Exchange
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.http.answers import (
    can_report_failures,
    failure_fields,
    failure_headers,
    formatted,
    holds_one_login,
    json_answer,
    refusal_answer,
    status_of,
)
from token_exchange.http.event import HttpAnswer, HttpRequest, bearer_token, find_token
from token_exchange.http.parameters import SentParameters
from token_exchange.http.request import read_explain_parameters, read_parameters
from token_exchange.loading.fields import spelled_duration
from token_exchange.reporting.audit import AuditRecord, would_fields
from token_exchange.reporting.disclosure import (
    considered_fields,
    description_of,
    disclosure,
    hint_of_denial,
    hint_of_refusal,
    identity_fields,
    report_only_awards,
)
from token_exchange.reporting.reasons import MEANINGS


def exchange_token(exchange: Exchange, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
    """Return the answer to `request`; each step adds to `record`."""
    sent = SentParameters.read(request)
    if request.method != "POST":
        refused = Refused(Reason.METHOD_NOT_ALLOWED, "expected POST")
        return refusal(refused, sent, record, headers={"Allow": "POST"})
    try:
        wanted = read_parameters(sent)
        one_login = holds_one_login(wanted.format)
        record.record_request(wanted.access_request, format_name=wanted.format, one_login=one_login)
        raw_token = find_token(request, wanted.subject_token)
        record.record_token_hash(raw_token)
        outcome = exchange.run(
            raw_token,
            wanted.access_request,
            record.attempt,
            one_login=one_login,
            all_or_none=not can_report_failures(wanted.format),
        )
        if isinstance(outcome, Denied):
            return denial(outcome, sent, record)
        return formatted(outcome, wanted.format, request_id=record.request_id)
    except Refused as refused:
        return refusal(refused, sent, record)


def refusal(
    refused: Refused, sent: SentParameters, record: AuditRecord, *, headers: dict[str, str] | None = None
) -> HttpAnswer:
    """Return the answer to a request that was refused before, or after, the policy decided."""
    has_grant_type = sent.has_grant_type
    status = status_of(refused.reason, has_grant_type=has_grant_type)
    if record.token_sha256 is None:
        raw_token = bearer_token(sent.request) or sent.body_token or sent.query_token
        if raw_token is not None:
            record.record_token_hash(raw_token)
    record.refuse(refused, status=status)
    decision, failed = record.attempt.decision, record.failed_login()
    if failed is not None:
        awards: Sequence[Award] = (failed.award,)
    else:
        awards = decision.awards if isinstance(decision, Granted) else ()
    fields = failure_fields(
        refused.reason,
        refused.description,
        request_id=record.request_id,
        has_grant_type=has_grant_type,
        hint=hint_of_refusal(refused.reason, awards),
    )
    return refusal_answer(
        status,
        {**fields, **identity_fields(record.attempt)},
        request_id=record.request_id,
        headers={**failure_headers(refused, status=status), **(headers or {})},
    )


def denial(denied: Denied, sent: SentParameters, record: AuditRecord) -> HttpAnswer:
    """Return the answer to a request that the policy refused."""
    description = description_of(denied, record)
    has_grant_type = sent.has_grant_type
    status = status_of(denied.reason, has_grant_type=has_grant_type)
    record.refuse(Refused(denied.reason, description), status=status)
    fields = failure_fields(
        denied.reason,
        description,
        request_id=record.request_id,
        has_grant_type=has_grant_type,
        hint=hint_of_denial(denied, record),
    )
    return refusal_answer(
        status,
        {**fields, **identity_fields(record.attempt), **considered_fields(record)},
        request_id=record.request_id,
        headers={},
    )


def explain_token(exchange: Exchange, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
    """Return the answer to `request`; each step adds to `record`.

    A refusal of the request or of the token is answered as for an exchange.
    """
    record.is_explanation = True
    sent = SentParameters.read(request)
    if request.method != "POST":
        refused = Refused(Reason.METHOD_NOT_ALLOWED, "expected POST")
        return refusal(refused, sent, record, headers={"Allow": "POST"})
    try:
        wanted = read_explain_parameters(sent)
        record.record_request(wanted.access_request)
        raw_token = find_token(request, wanted.subject_token)
        record.record_token_hash(raw_token)
        outcome = exchange.explain(raw_token, wanted.access_request, record.attempt)
    except Refused as refused:
        return refusal(refused, sent, record)
    match outcome:
        case Granted():
            return json_answer(200, _answer(outcome, record), request_id=record.request_id)
        case Denied() if MEANINGS[outcome.reason].error == "access_denied":
            record.refuse(Refused(outcome.reason, outcome.description), status=200)
            return json_answer(200, _answer(outcome, record), request_id=record.request_id)
        case Denied():
            return denial(outcome, sent, record)
        case _:
            assert_never(outcome)


def _answer(outcome: Decision, record: AuditRecord) -> dict[str, Json]:
    awards = outcome.awards if isinstance(outcome, Granted) else ()
    return {
        "decision": "granted" if isinstance(outcome, Granted) else "denied",
        "reason": "granted" if isinstance(outcome, Granted) else outcome.reason.value,
        **identity_fields(record.attempt),
        "registries": [award_fields(award) for award in awards],
        **({"considered": []} if disclosure(record.attempt) == "own-grants" else {}),
        **considered_fields(record),
        "would": [would_fields(award) for award in report_only_awards(record.attempt)],
        "request_id": record.request_id,
    }


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

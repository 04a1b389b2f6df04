"""`POST /v1/token`: one exchange, one answer, one audit line, whatever happens."""

from token_exchange.core.decision import Denied, Granted
from token_exchange.core.exchange import Exchange
from token_exchange.core.refusals import Reason, Refused
from token_exchange.http.answers import (
    failure_fields,
    failure_headers,
    formatted,
    holds_one_login,
    json_answer,
    status_of,
    tells_failures,
)
from token_exchange.http.event import HttpAnswer, HttpRequest, bearer_token, find_token
from token_exchange.http.parameters import SentParameters
from token_exchange.http.request import read_parameters
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.disclosure import (
    considered_fields,
    description_of,
    hint_of_denial,
    hint_of_refusal,
    identity_fields,
)


def exchange_token(exchange: Exchange, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
    """Return the answer to `request`; `record` is filled with what there is to say of it."""
    sent = SentParameters.read(request)
    if request.method != "POST":
        refused = Refused(Reason.METHOD_NOT_ALLOWED, "expected POST")
        return refusal(refused, sent, record, headers={"Allow": "POST"})
    try:
        wanted = read_parameters(sent)
        raw_token = find_token(request, wanted.subject_token)
        record.record_token_hash(raw_token)
        outcome = exchange.run(
            raw_token,
            wanted.access_request,
            record.attempt,
            single=holds_one_login(wanted.format),
            whole=not tells_failures(wanted.format),
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
    rfc_8693 = sent.has_grant_type
    status = status_of(refused.reason, has_grant_type=rfc_8693)
    if record.token_sha256 is None:
        raw_token = bearer_token(sent.request) or sent.body_token or sent.query_token
        if raw_token is not None:
            record.record_token_hash(raw_token)
    record.refuse(refused, status=status)
    decision = record.attempt.decision
    fields = failure_fields(
        refused.reason,
        refused.description,
        request_id=record.request_id,
        has_grant_type=rfc_8693,
        hint=hint_of_refusal(refused.reason, decision.awards if isinstance(decision, Granted) else ()),
    )
    return json_answer(
        status,
        {**fields, **identity_fields(record.attempt)},
        request_id=record.request_id,
        headers={**failure_headers(refused, status=status), **(headers or {})},
    )


def denial(denied: Denied, sent: SentParameters, record: AuditRecord) -> HttpAnswer:
    """Return the answer to a request that the policy refused."""
    description = description_of(denied, record)
    rfc_8693 = sent.has_grant_type
    status = status_of(denied.reason, has_grant_type=rfc_8693)
    record.refuse(Refused(denied.reason, description), status=status)
    fields = failure_fields(
        denied.reason,
        description,
        request_id=record.request_id,
        has_grant_type=rfc_8693,
        hint=hint_of_denial(denied, record),
    )
    return json_answer(
        status, {**fields, **identity_fields(record.attempt), **considered_fields(record)}, request_id=record.request_id
    )

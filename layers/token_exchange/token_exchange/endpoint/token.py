"""`POST /v1/token`: one exchange, one answer, one audit line, whatever happens."""

from token_exchange.audit import AuditRecord
from token_exchange.endpoint.answers import failure_fields, failure_headers, json_answer, status_of
from token_exchange.endpoint.disclosure import considered_fields, description_of, hint_of, identity_fields
from token_exchange.endpoint.formats import formatted, holds_one_login, tells_failures
from token_exchange.endpoint.http import HttpAnswer, HttpRequest
from token_exchange.endpoint.parameters import body_token, has_grant_type, query_token, read_parameters
from token_exchange.endpoint.subject_token import bearer_token, find_token
from token_exchange.exchange import Exchange
from token_exchange.policy.decision import Denied
from token_exchange.ports import Deadline
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.timings import Timings


def exchange_token(
    exchange: Exchange, request: HttpRequest, *, record: AuditRecord, deadline: Deadline, timings: Timings
) -> HttpAnswer:
    """Return the answer to `request`; `record` is filled with what there is to say of it."""
    if request.method != "POST":
        refused = Refused(Reason.METHOD_NOT_ALLOWED, "expected POST")
        return refusal(refused, request, record, headers={"Allow": "POST"})
    try:
        wanted = read_parameters(request)
        raw_token = find_token(request, wanted.subject_token)
        record.saw_token(raw_token)
        outcome = exchange.run(
            raw_token,
            wanted.ask,
            single=holds_one_login(wanted.format),
            whole=not tells_failures(wanted.format),
            record=record,
            deadline=deadline,
            timings=timings,
        )
        if isinstance(outcome, Denied):
            return denial(outcome, request, record)
        return formatted(outcome, wanted.format, request_id=record.request_id)
    except Refused as refused:
        return refusal(refused, request, record)


def refusal(
    refused: Refused, request: HttpRequest, record: AuditRecord, *, headers: dict[str, str] | None = None
) -> HttpAnswer:
    """Return the answer to a request that was refused before, or after, the policy decided."""
    rfc_8693 = has_grant_type(request)
    status = status_of(refused.reason, has_grant_type=rfc_8693)
    raw_token = bearer_token(request) or body_token(request) or query_token(request)
    if record.token_sha256 is None and raw_token is not None:
        record.saw_token(raw_token)
    record.refuse(refused, status=status)
    fields = failure_fields(
        refused.reason,
        refused.description,
        request_id=record.request_id,
        has_grant_type=rfc_8693,
        hint=hint_of(refused.reason, record.won()),
    )
    return json_answer(
        status,
        {**fields, **identity_fields(record)},
        request_id=record.request_id,
        headers={**failure_headers(refused, status=status), **(headers or {})},
    )


def denial(denied: Denied, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
    """Return the answer to a request that the policy refused."""
    description = description_of(denied)
    rfc_8693 = has_grant_type(request)
    status = status_of(denied.reason, has_grant_type=rfc_8693)
    record.refuse(Refused(denied.reason, description), status=status)
    fields = failure_fields(
        denied.reason,
        description,
        request_id=record.request_id,
        has_grant_type=rfc_8693,
        hint=hint_of(denied.reason, denied.shown, in_report_mode=denied.in_report_mode),
    )
    return json_answer(
        status, {**fields, **identity_fields(record), **considered_fields(denied)}, request_id=record.request_id
    )

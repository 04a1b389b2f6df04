"""Which path does what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from token_exchange.audit import AuditRecord
from token_exchange.endpoint.answers import failure_fields, failure_headers, json_answer, status_of
from token_exchange.endpoint.http import HttpAnswer, HttpRequest
from token_exchange.endpoint.metadata import audience, health, server_metadata
from token_exchange.endpoint.token import exchange_token
from token_exchange.exchange import Exchange
from token_exchange.policy_store import PolicyStore
from token_exchange.ports import Deadline
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.timings import Timings

type Resource = Literal["token", "explain", "health", "audience", "metadata"]

_RESOURCES: Final[Mapping[str, Resource]] = {
    "/v1/token": "token",
    "/v1/explain": "explain",
    "/v1/health": "health",
    "/v1/audience": "audience",
    "/.well-known/oauth-authorization-server": "metadata",
}


def is_audited(path: str) -> bool:
    """Say whether every request to `path` leaves an audit line."""
    return _RESOURCES.get(path) in ("token", "explain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The HTTP interface of one environment."""

    exchange: Exchange
    policies: PolicyStore
    public_url: str | None

    def answer(self, request: HttpRequest, *, record: AuditRecord, deadline: Deadline, timings: Timings) -> HttpAnswer:
        """Return the answer to `request`."""
        resource = _RESOURCES.get(request.path)
        if resource == "token":
            return exchange_token(self.exchange, request, record=record, deadline=deadline, timings=timings)
        if resource == "explain":
            # Imported here: people ask this, and no pipeline has to wait for it at a cold start.
            from token_exchange.endpoint.explain import explain_token  # noqa: PLC0415

            return explain_token(self.exchange, request, record=record, deadline=deadline, timings=timings)
        try:
            return self._read(resource, request, request_id=record.request_id)
        except Refused as refused:
            return plain_refusal(refused, request_id=record.request_id)

    def _read(self, resource: Resource | None, request: HttpRequest, *, request_id: str) -> HttpAnswer:
        if resource is not None and request.method != "GET":
            refused = Refused(Reason.METHOD_NOT_ALLOWED, "expected GET")
            return plain_refusal(refused, request_id=request_id, headers={"Allow": "GET"})
        match resource:
            case "health":
                return health(self.policies, request_id=request_id)
            case "audience":
                return audience(self.policies, request, request_id=request_id)
            case "metadata":
                return server_metadata(self.public_url, request_id=request_id)
            case _:
                raise Refused(Reason.NOT_FOUND, "there is nothing at this path")


def plain_refusal(refused: Refused, *, request_id: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """Return a refusal that says nothing but its reason."""
    status = status_of(refused.reason, has_grant_type=False)
    return json_answer(
        status,
        failure_fields(refused.reason, refused.description, request_id=request_id, has_grant_type=False),
        request_id=request_id,
        headers={**failure_headers(refused, status=status), **(headers or {})},
    )

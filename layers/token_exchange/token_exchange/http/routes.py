"""The paths of the HTTP interface, and the ones that need no token: health, audience and metadata."""

from collections.abc import Mapping
from typing import Final, Literal

from token_exchange.core.exchange import Exchange
from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.session import utc_second
from token_exchange.http.answers import failure_fields, failure_headers, json_answer, refusal_answer, status_of
from token_exchange.http.event import HttpAnswer, HttpRequest
from token_exchange.http.request import TOKEN_EXCHANGE
from token_exchange.http.token import exchange_token, explain_token
from token_exchange.loading.store import PolicyStore
from token_exchange.reporting.audit import AuditRecord


def health(policies: PolicyStore, *, request_id: str) -> HttpAnswer:
    """Return that a policy is in force, and which one.

    Raises:
        Refused: `policy-unavailable`.
    """
    in_force = policies.current()
    policy: dict[str, Json] = {
        "sha256": in_force.policy.sha256[:12],
        "loaded_at": utc_second(int(in_force.loaded_at)),
        "refused": in_force.refused,
    }
    return json_answer(200, {"status": "ok", "policy": policy}, request_id=request_id)


def audience(policies: PolicyStore, request: HttpRequest, *, request_id: str) -> HttpAnswer:
    """Return the audiences that are accepted in tokens of a trusted issuer.

    Raises:
        Refused: `malformed-request`, `repeated-parameter`, `not-found` or `policy-unavailable`.
    """
    issuers = [value for name, value in request.query or () if name == "issuer" and value]
    if len(issuers) > 1:
        raise Refused(Reason.REPEATED_PARAMETER, "issuer is given more than once")
    if not issuers:
        raise Refused(Reason.MALFORMED_REQUEST, "issuer: missing; expected ?issuer=URL")
    trusts = policies.current().policy.issuers_by_url.get(issuers[0], ())
    if not trusts:
        raise Refused(Reason.NOT_FOUND, f"no issuer entry has the URL {quoted(issuers[0])}")
    audiences = sorted({audience for trust in trusts for audience in trust.audiences})
    return json_answer(200, {"audience": [*audiences]}, request_id=request_id)


def server_metadata(public_url: str | None, *, request_id: str) -> HttpAnswer:
    """Return the metadata of RFC 8414 section 2.

    The base URL comes only from the configuration: a forged Host header could make clients send tokens elsewhere.

    Raises:
        Refused: `not-found` if no base URL is configured.
    """
    if public_url is None:
        raise Refused(Reason.NOT_FOUND, "this service's own URL is not configured (TOKEN_EXCHANGE_URL)")
    return json_answer(
        200,
        {
            "issuer": public_url,
            "token_endpoint": f"{public_url}/v1/token",
            "grant_types_supported": [TOKEN_EXCHANGE],
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": [],
        },
        request_id=request_id,
    )


type Resource = Literal["token", "explain", "health", "audience", "metadata"]

_RESOURCES: Final[Mapping[str, Resource]] = {
    "/v1/token": "token",
    "/v1/explain": "explain",
    "/v1/health": "health",
    "/v1/audience": "audience",
    "/.well-known/oauth-authorization-server": "metadata",
}


def is_audited(path: str) -> bool:
    """Return whether every request to `path` writes an audit line."""
    return _RESOURCES.get(path) in ("token", "explain")


@record
class Routes:
    """The HTTP interface of one environment."""

    exchange: Exchange
    policies: PolicyStore
    public_url: str | None

    def answer(self, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
        """Return the answer to `request`."""
        resource = _RESOURCES.get(request.path)
        if resource == "token":
            return exchange_token(self.exchange, request, record)
        if resource == "explain":
            return explain_token(self.exchange, request, record)
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
                raise Refused(Reason.NOT_FOUND, "no such path")


def plain_refusal(refused: Refused, *, request_id: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """Return a refusal with nothing but its reason and description."""
    status = status_of(refused.reason, has_grant_type=False)
    return refusal_answer(
        status,
        failure_fields(refused.reason, refused.description, request_id=request_id, has_grant_type=False),
        request_id=request_id,
        headers={**failure_headers(refused, status=status), **(headers or {})},
    )

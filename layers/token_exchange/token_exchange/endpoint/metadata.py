"""The answers that mint nothing: health, audience, and the metadata of RFC 8414."""

from datetime import UTC, datetime

from token_exchange.endpoint.answers import json_answer
from token_exchange.endpoint.http import HttpAnswer, HttpRequest
from token_exchange.endpoint.parameters import TOKEN_EXCHANGE
from token_exchange.policy_store import PolicyStore
from token_exchange.ports import Json
from token_exchange.quoting import quoted
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused


def health(policies: PolicyStore, *, request_id: str) -> HttpAnswer:
    """Return whether a policy is in force, and which.

    Raises:
        Refused: `policy-unavailable`.
    """
    in_force = policies.current()
    loaded_at = datetime.fromtimestamp(in_force.loaded_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    policy: dict[str, Json] = {
        "sha256": in_force.policy.sha256[:12],
        "loaded_at": loaded_at,
        "refused": in_force.refused,
    }
    return json_answer(200, {"status": "ok", "policy": policy}, request_id=request_id)


def audience(policies: PolicyStore, request: HttpRequest, *, request_id: str) -> HttpAnswer:
    """Return the audiences by which a trusted issuer's tokens are taken.

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

    The base URL comes from the configuration alone: a header could make clients send their tokens elsewhere.

    Raises:
        Refused: `not-found` where no base URL is configured.
    """
    if public_url is None:
        raise Refused(Reason.NOT_FOUND, "this service was not told its own URL (TOKEN_EXCHANGE_URL)")
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

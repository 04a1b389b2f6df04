"""Finds the one token of a request: in the Authorization header (RFC 6750) or in the body (RFC 8693)."""

from token_exchange.endpoint.http import HttpRequest
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused


def find_token(request: HttpRequest, in_body: str | None) -> str:
    """Return the raw token that `request` carries.

    Raises:
        Refused: `two-tokens` or `missing-token`.
    """
    # Gateways join repeated headers with commas, and no token holds one.
    if len(request.authorization) > 1 or any("," in value for value in request.authorization):
        raise Refused(Reason.TWO_TOKENS, "more than one Authorization header")
    bearer = _bearer(request.authorization[0]) if request.authorization else None
    if bearer is not None and in_body is not None:
        raise Refused(Reason.TWO_TOKENS, "a token in the header and another in the body")
    token = bearer if bearer is not None else in_body
    if token is None:
        raise Refused(Reason.MISSING_TOKEN, "no token was sent")
    return token


def _bearer(authorization: str) -> str | None:
    """Return the credentials of the Bearer scheme, or None for another scheme, or for none."""
    scheme, _, credentials = authorization.partition(" ")
    token = credentials.strip(" ")
    return token if scheme.lower() == "bearer" and token else None

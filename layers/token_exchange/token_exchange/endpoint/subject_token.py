"""Finds the one token of a request: in the Authorization header (RFC 6750) or in the body (RFC 8693)."""

import re
from typing import Final

from token_exchange.endpoint.http import HttpRequest
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

_PARAMETER: Final = re.compile(r" *[A-Za-z0-9_-]+=")
"""A parameter of a scheme other than Bearer: RFC 9110 section 11.2."""


def find_token(request: HttpRequest, in_body: str | None) -> str:
    """Return the raw token that `request` carries.

    Raises:
        Refused: `two-tokens` or `missing-token`.
    """
    if len(request.authorization) > 1 or any(_is_joined(value) for value in request.authorization):
        raise Refused(Reason.TWO_TOKENS, "more than one Authorization header")
    bearer = _bearer(request.authorization[0]) if request.authorization else None
    if bearer is not None and in_body is not None:
        raise Refused(Reason.TWO_TOKENS, "a token in the header and another in the body")
    token = bearer if bearer is not None else in_body
    if token is None:
        raise Refused(Reason.MISSING_TOKEN, "no token was sent")
    return token


def bearer_token(request: HttpRequest) -> str | None:
    """Return the token in the header of a request that may be refused for anything, where there is just one."""
    if len(request.authorization) != 1 or _is_joined(request.authorization[0]):
        return None
    return _bearer(request.authorization[0])


def _is_joined(authorization: str) -> bool:
    """Say whether a gateway joined several headers with commas.

    The parameters of one scheme stand between commas too: a function URL with IAM authorization gets AWS's own
    signature there, and the token in the body.
    """
    first, *rest = authorization.split(",")
    return bool(rest) and (_bearer(first) is not None or not all(_PARAMETER.match(part) for part in rest))


def _bearer(authorization: str) -> str | None:
    """Return the credentials of the Bearer scheme, or None for another scheme, or for none."""
    scheme, _, credentials = authorization.partition(" ")
    token = credentials.strip(" ")
    return token if scheme.lower() == "bearer" and token else None

"""OIDC providers of IAM, and the check of a web identity token that STS makes against them.

Source: IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM"; STS API Reference,
AssumeRoleWithWebIdentity, with its errors; the texts of `InvalidIdentityToken` that STS is known to answer with.

It does not use the project's own verifier, which it tests; PyJWT checks the signature.
"""

import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import jwt

from sandbox.aws.conditions import Context
from sandbox.aws.errors import AwsError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_OWN_ISSUERS: Final = ".tokens.sts.global.api.aws"
_FETCH_SECONDS: Final = 2.0
_DISCOVERY: Final = "/.well-known/openid-configuration"

type _Json = bool | int | float | str | list[_Json] | dict[str, _Json] | None
type Claims = Mapping[str, _Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """An account's trust in an issuer. `authority` replaces the public certificate authorities.

    The ARN ends in the issuer's host and path; a port, which AWS takes none of, is the sandbox's.
    """

    account: str
    issuer: str
    client_ids: tuple[str, ...]
    authority: ssl.SSLContext

    @property
    def address(self) -> str:
        """The issuer without its scheme: the prefix of its condition keys."""
        return self.issuer.removeprefix("https://")

    @property
    def arn(self) -> str:
        """The name by which a trust policy refers to it."""
        return f"arn:aws:iam::{self.account}:oidc-provider/{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """A verified token, and its identity."""

    provider: OidcProvider
    subject: str
    audience: str

    @property
    def context(self) -> Context:
        """The condition keys that a token gives: its audience and its subject, and no other claim."""
        prefix = self.provider.address.lower()
        return {f"{prefix}:aud": [self.audience], f"{prefix}:sub": [self.subject]}


def web_identity(token: str, *, account: str, providers: Iterable[OidcProvider], now_seconds: float) -> WebIdentity:
    """Verify `token` against the OIDC providers of `account`, and return its identity.

    Raises:
        AwsError: InvalidIdentityToken, ExpiredTokenException, IDPRejectedClaim or IDPCommunicationError.
    """
    claims = _unverified(token)
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise _invalid("Missing a required claim: iss")
    if issuer.endswith(_OWN_ISSUERS):
        raise _invalid("Tokens that AWS issued are not accepted in the same partition")
    found = [each for each in providers if (each.account, each.issuer) == (account, issuer)]
    if not found:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    provider = found[0]
    audience = _audience(claims)
    if audience not in provider.client_ids:
        raise _invalid("Incorrect token audience")
    _check_signature(token, _keys(provider))
    _check_times(claims, now_seconds)
    subject = claims.get("sub")
    if not (isinstance(subject, str) and subject):
        raise AwsError(code="IDPRejectedClaim", message="Missing a required claim: sub", status=403)
    return WebIdentity(provider=provider, subject=subject, audience=audience)


def _unverified(token: str) -> Claims:
    try:
        claims: dict[str, _Json] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise _invalid("The ID Token provided is not a valid JWT.") from error
    return claims


def _audience(claims: Claims) -> str:
    """Return the value that AWS compares: `azp` if present, else `aud`."""
    for name in ("azp", "aud"):
        match claims.get(name):
            case str() as only:
                return only
            case [str() as only]:
                return only
            case None:
                continue
            case _:
                raise _invalid("Incorrect token audience")
    raise _invalid("Missing a required claim: aud")


def _keys(provider: OidcProvider) -> jwt.PyJWKSet:
    document = _fetched(provider, provider.issuer + _DISCOVERY)
    address = document.get("jwks_uri")
    if document.get("issuer") != provider.issuer or not isinstance(address, str):
        raise _no_keys()
    try:
        return jwt.PyJWKSet.from_dict(dict(_fetched(provider, address)))
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise _no_keys() from error


def _fetched(provider: OidcProvider, address: str) -> Mapping[str, object]:
    parts = urlsplit(address)
    if parts.scheme != "https" or parts.hostname is None:
        raise _no_keys()
    connection = HTTPSConnection(parts.hostname, parts.port, timeout=_FETCH_SECONDS, context=provider.authority)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except (OSError, HTTPException) as error:
        raise _no_answer() from error
    finally:
        connection.close()
    if status != 200:  # noqa: PLR2004 - HTTP's own name for it
        raise _no_answer()
    try:
        document: object = json.loads(body)
    except ValueError as error:
        raise _no_keys() from error
    if not isinstance(document, dict):
        raise _no_keys()
    return document


def _check_signature(token: str, keys: jwt.PyJWKSet) -> None:
    key_id = jwt.get_unverified_header(token).get("kid")
    for key in keys.keys:
        if key.key_id != key_id:
            continue
        try:
            # Times are compared with the sandbox's clock, not this machine's.
            jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.PyJWTError as error:
            raise _invalid("The token's signature is not valid") from error
        return
    raise _no_keys()


def _check_times(claims: Claims, now_seconds: float) -> None:
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise _invalid("Missing a required claim: exp")
    if expires <= now_seconds:
        now, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in (now_seconds, expires))
        raise AwsError(
            code="ExpiredTokenException",
            message=f"Token expired: current date/time {now} must be before the expiration date/time {end}",
        )


def _invalid(message: str) -> AwsError:
    return AwsError(code="InvalidIdentityToken", message=message)


def _no_keys() -> AwsError:
    return _invalid("Couldn't retrieve verification key from your identity provider")


def _no_answer() -> AwsError:
    return AwsError(code="IDPCommunicationError", message="An error occurred while calling the identity provider")

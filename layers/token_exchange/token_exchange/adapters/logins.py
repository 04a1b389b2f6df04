"""Sessions from STS, and logins from ECR, ECR Public and Secrets Manager.

Source: STS API Reference, AssumeRole and AssumeRoleWithWebIdentity; ECR and ECR Public API References,
GetAuthorizationToken; Secrets Manager API Reference, GetSecretValue; CodeBuild User Guide, "Private registry with
Secrets Manager".
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from token_exchange.adapters.aws import AwsClients, signing_with
from token_exchange.adapters.aws_calls import call_aws, unusable_answer
from token_exchange.core.ports import RawToken, RegistryLogin, RoleRequest, RoleSession, StoredLogin
from token_exchange.core.refusals import Reason, Refused

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef, AssumeRoleWithWebIdentityRequestTypeDef


_MAX_PERCENT: Final = 1000
"""AWS refuses sessions over 100 %. A number of thousands of digits must not get into a record."""


class StsRoleAssumer:
    """Assumes roles as the service itself."""

    def __init__(self, *, clients: AwsClients) -> None:
        self._clients = clients

    def assume(self, request: RoleRequest) -> RoleSession:
        """Return the credentials of a new session.

        Raises:
            Refused: `role-refused`, `misconfigured`, `aws-throttled` or `aws-unavailable`.
        """
        client = self._clients.sts()
        subject = f"role {request.role_arn}"
        answer: Mapping[str, object] = call_aws(
            lambda: client.assume_role(**_parameters(request)), refusal=Reason.ROLE_REFUSED, subject=subject
        )
        return _session(answer, subject)

    def assume_with_web_identity(self, request: RoleRequest, *, raw_token: RawToken) -> RoleSession:
        """Return the credentials of a new session, assumed with the caller's own token, not the service's permissions.

        Raises:
            Refused: as `assume`. `InvalidIdentityToken`, `IDPRejectedClaim` and `ExpiredTokenException` are
                `role-refused`, since this service has accepted the token.
        """
        client = self._clients.sts()
        subject = f"role {request.role_arn} by web identity"
        answer: Mapping[str, object] = call_aws(
            lambda: client.assume_role_with_web_identity(**_web_identity_parameters(request, raw_token)),
            refusal=Reason.ROLE_REFUSED,
            subject=subject,
        )
        return _session(answer, subject)


def _web_identity_parameters(request: RoleRequest, raw_token: RawToken) -> "AssumeRoleWithWebIdentityRequestTypeDef":
    return {
        "RoleArn": request.role_arn,
        "RoleSessionName": request.session_name,
        "WebIdentityToken": raw_token,
        "Policy": request.session_policy,
        "DurationSeconds": request.duration_seconds,
    }


def _parameters(request: RoleRequest) -> "AssumeRoleRequestTypeDef":
    parameters: AssumeRoleRequestTypeDef = {
        "RoleArn": request.role_arn,
        "RoleSessionName": request.session_name,
        "Policy": request.session_policy,
        "DurationSeconds": request.duration_seconds,
    }
    if request.external_id is not None:
        parameters["ExternalId"] = request.external_id
    if request.source_identity is not None:
        parameters["SourceIdentity"] = request.source_identity
    if request.tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in request.tags.items()]
    return parameters


def _session(answer: Mapping[str, object], subject: str) -> RoleSession:
    credentials, user, metadata = (
        _mapping(answer.get(name)) for name in ("Credentials", "AssumedRoleUser", "ResponseMetadata")
    )
    key, secret, token = (_text(credentials.get(name)) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    if not (key and secret and token):
        raise unusable_answer(subject, "set of credentials")
    return RoleSession(
        access_key_id=key,
        secret_access_key=secret,
        session_token=token,
        assumed_role_id=_text(user.get("AssumedRoleId")),
        assumed_role_arn=_text(user.get("Arn")),
        packed_policy_percent=_percent(answer),
        request_id=_text(metadata.get("RequestId")) or None,
    )


def _percent(answer: Mapping[str, object]) -> int | None:
    """Return the packed size in percent; STS renamed the field in June 2026, and older answers have the old name."""
    figures = (answer.get("SessionTokenUtilization"), answer.get("PackedPolicySize"))
    return next((figure for figure in figures if isinstance(figure, int) and 0 <= figure <= _MAX_PERCENT), None)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class EcrAuthorizer:
    """Requests logins from ECR with the credentials of an assumed role, and no others."""

    def __init__(self, *, clients: AwsClients) -> None:
        self._clients = clients

    def authorize(self, session: RoleSession, *, region: str) -> RegistryLogin:
        """Return a login for the registries of `region`, requested with `session`.

        Raises:
            Refused: `registry-refused`, `misconfigured`, `aws-throttled` or `aws-unavailable`.
        """
        client = self._clients.ecr(region)
        subject = f"ECR in {region}"
        with signing_with(session):
            answer: Mapping[str, object] = call_aws(
                client.get_authorization_token, refusal=Reason.REGISTRY_REFUSED, subject=subject
            )
        return _registry_login(answer, subject)

    def authorize_public(self, session: RoleSession) -> RegistryLogin:
        """Return a login for ECR Public, requested with `session`.

        Raises:
            Refused: as `authorize`.
        """
        client = self._clients.ecr_public()
        subject = "ECR Public"
        with signing_with(session):
            answer: Mapping[str, object] = call_aws(
                client.get_authorization_token, refusal=Reason.REGISTRY_REFUSED, subject=subject
            )
        return _public_login(answer, subject)


def _public_login(answer: Mapping[str, object], subject: str) -> RegistryLogin:
    """Return the login in the answer of ECR Public, which has one structure where that of ECR has a list."""
    match answer:
        case {"authorizationData": Mapping() as data}:
            return _registry_login({**answer, "authorizationData": [data]}, subject)
        case _:
            raise unusable_answer(subject, "login")


def _registry_login(answer: Mapping[str, object], subject: str) -> RegistryLogin:
    match answer:
        case {"authorizationData": [{"authorizationToken": str() as token, "expiresAt": datetime() as expires_at}, *_]}:
            username, colon, password = _decoded(token).partition(":")
        case _:
            raise unusable_answer(subject, "login")
    if not (username and colon and password):
        raise unusable_answer(subject, "login")
    return RegistryLogin(
        username=username, password=password, expires_at=expires_at.timestamp(), request_id=_request_id(answer)
    )


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _request_id(answer: Mapping[str, object]) -> str | None:
    match answer:
        case {"ResponseMetadata": {"RequestId": str() as request_id}}:
            return request_id
        case _:
            return None


class SecretLogins:
    """Reads a secret for each request, so that a changed password takes effect immediately."""

    def __init__(self, *, clients: AwsClients) -> None:
        self._clients = clients

    def read(self, secret_arn: str) -> StoredLogin:
        """Return the login in the secret.

        Raises:
            Refused: `secret-refused` if the secret is missing, cannot be read, or does not contain a login; else
                `misconfigured`, `aws-throttled` or `aws-unavailable`.
        """
        client = self._clients.secrets(secret_arn.split(":")[3])
        subject = f"secret {secret_arn}"
        answer: Mapping[str, object] = call_aws(
            lambda: client.get_secret_value(SecretId=secret_arn), refusal=Reason.SECRET_REFUSED, subject=subject
        )
        return _stored_login(answer, subject)


def _stored_login(answer: Mapping[str, object], subject: str) -> StoredLogin:
    if not ("SecretString" in answer or "SecretBinary" in answer):
        raise unusable_answer(subject, "secret")
    text = answer.get("SecretString")
    try:
        found: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    # Neither the content nor a cause: a parser's error message quotes its input.
    match found:
        case {"username": str() as username, "password": str() as password} if _is_usable(username, password):
            metadata = answer.get("ResponseMetadata")
            request_id = metadata.get("RequestId") if isinstance(metadata, Mapping) else None
            return StoredLogin(
                username=username,
                password=password,
                request_id=request_id if isinstance(request_id, str) else None,
            )
        case _:
            raise Refused(
                Reason.SECRET_REFUSED,
                f"{subject}: expected a JSON object with username and password",
            )


def _is_usable(username: str, password: str) -> bool:
    """Return whether both can be sent as basic authentication (RFC 7617): printable, and no colon in the username."""
    return (
        bool(username and password)
        and ":" not in username
        and all(character.isprintable() for character in username + password)
    )

"""Asks ECR for logins.

Source: ECR API Reference and ECR Public API Reference, GetAuthorizationToken.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from token_exchange.adapters.aws_clients import AwsClients, lent
from token_exchange.adapters.aws_faults import answered, unusable
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.ports import Deadline, RegistryLogin, RoleSession
from token_exchange.reasons import Reason


class EcrAuthorizer:
    """Asks ECR with the credentials of an assumed role, and with no others."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._clients = clients
        self._calls = calls

    def authorize(self, session: RoleSession, *, region: str, deadline: Deadline) -> RegistryLogin:
        """Return a login for the registries of `region`, made with `session`.

        Raises:
            Refused: `registry-refused`, `misconfigured`, `aws-throttled`, `aws-unavailable` or `deadline-exceeded`.
        """
        client = self._clients.ecr(region)
        subject = f"ECR in {region}"
        with lent(session):
            answer: Mapping[str, object] = self._calls.call(
                lambda: answered(client.get_authorization_token, refusal=Reason.REGISTRY_REFUSED, subject=subject),
                deadline=deadline,
            )
        return _login(answer, subject)

    def authorize_public(self, session: RoleSession, *, deadline: Deadline) -> RegistryLogin:
        """Return a login for ECR Public, made with `session`.

        Raises:
            Refused: as `authorize`.
        """
        client = self._clients.ecr_public()
        subject = "ECR Public"
        with lent(session):
            answer: Mapping[str, object] = self._calls.call(
                lambda: answered(client.get_authorization_token, refusal=Reason.REGISTRY_REFUSED, subject=subject),
                deadline=deadline,
            )
        return _public_login(answer, subject)


def _public_login(answer: Mapping[str, object], subject: str) -> RegistryLogin:
    """Return the login in the answer of ECR Public, which holds one structure where ECR's holds a list."""
    match answer:
        case {"authorizationData": Mapping() as data}:
            return _login({**answer, "authorizationData": [data]}, subject)
        case _:
            raise unusable(subject, "login")


def _login(answer: Mapping[str, object], subject: str) -> RegistryLogin:
    match answer:
        case {"authorizationData": [{"authorizationToken": str() as token, "expiresAt": datetime() as expires_at}, *_]}:
            username, colon, password = _decoded(token).partition(":")
        case _:
            raise unusable(subject, "login")
    if not (username and colon and password):
        raise unusable(subject, "login")
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

"""Real botocore clients for the sandbox's AWS."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Self

import botocore.session
from botocore import UNSIGNED
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox import account
from sandbox.aws.principals import Session

SESSION_POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}]}'
)


@cache
def _botocore_session() -> botocore.session.Session:
    return botocore.session.Session()  # reading the service models is what takes time


class Clients:
    """Makes clients and closes them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: list[BaseClient] = []
        self.service = account.service_session(account.roles()[0])

    def sts(self, *, attempts: int = 1, secret: str | None = None, **changes: str) -> BaseClient:
        return self._client(
            "sts",
            key=changes.get("key", self.service.access_key_id),
            secret=secret or self.service.secret_access_key,
            token=changes.get("token", self.service.session_token),
            attempts=attempts,
        )

    def open_sts(self) -> BaseClient:
        """Return a client that signs nothing, for the operation that brings a token instead."""
        client = _botocore_session().create_client(
            "sts",
            region_name=account.REGION,
            endpoint_url=self._url,
            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, read_timeout=5),
        )
        self._open.append(client)
        return client

    def ecr_public(self, session: Session, *, region: str = "us-east-1") -> BaseClient:
        return self._of(session, "ecr-public", region=region)

    def secrets(self, session: Session | None = None, *, region: str = account.REGION) -> BaseClient:
        return self._of(session or self.service, "secretsmanager", region=region)

    def _of(self, session: Session, service: str, *, region: str) -> BaseClient:
        return self._client(
            service,
            key=session.access_key_id,
            secret=session.secret_access_key,
            token=session.session_token,
            attempts=1,
            region=region,
        )

    def ecr(self, session: Session, *, attempts: int = 1, region: str = account.REGION) -> BaseClient:
        return self._client(
            "ecr",
            key=session.access_key_id,
            secret=session.secret_access_key,
            token=session.session_token,
            attempts=attempts,
            region=region,
        )

    def _client(
        self, service: str, *, key: str, secret: str, token: str, attempts: int, region: str = account.REGION
    ) -> BaseClient:
        client = _botocore_session().create_client(
            service,
            region_name=region,
            endpoint_url=self._url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                retries={"total_max_attempts": attempts, "mode": "standard"},
                connect_timeout=2,
                read_timeout=1,
            ),
        )
        self._open.append(client)
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._open:
            client.close()


def call(client: BaseClient, operation: str, **parameters: object) -> dict[str, object]:
    """Call an operation by its Python name: botocore makes the methods at run time, so no type knows them."""
    answer: dict[str, object] = getattr(client, operation)(**parameters)
    return answer


def assume(client: BaseClient, **changes: object) -> dict[str, object]:
    """Assume the push role with what a grant would ask, changed."""
    asked: dict[str, object] = {
        "RoleArn": account.PUSH_ROLE,
        "RoleSessionName": "70010001-9100200300-abcdef012345",
        "DurationSeconds": 1800,
        "Policy": SESSION_POLICY,
        "SourceIdentity": "acme_shop",
        "Tags": [{"Key": "repository", "Value": "acme/shop"}],
    }
    merged = {name: value for name, value in {**asked, **changes}.items() if value is not None}
    return call(client, "assume_role", **merged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What `GetAuthorizationToken` answered."""

    user: str
    password: str
    expires_at: datetime
    proxy_endpoint: str


def authorization(client: BaseClient, **parameters: object) -> Authorization:
    """Ask ECR for a login."""
    listed = call(client, "get_authorization_token", **parameters)["authorizationData"]
    assert isinstance(listed, list)
    (data,) = listed
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return Authorization(
        user=user, password=password, expires_at=data["expiresAt"], proxy_endpoint=data["proxyEndpoint"]
    )


def refusal(call: Callable[[], object]) -> tuple[str, str, int]:
    """Return code, message and HTTP status of the refusal that a call ends with."""
    try:
        call()
    except ClientError as error:
        response = error.response
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        return response["Error"]["Code"], response["Error"]["Message"], int(status)
    raise AssertionError("expected a refusal, found an answer")

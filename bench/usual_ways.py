"""The usual ways to write such a function: what tutorials show, each as short as it can honestly be.

None of them checks what the service checks; they verify the token, assume the role and ask for the login.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
import jwt
from pydantic import BaseModel, ConfigDict

from sandbox.policy import AUDIENCE

WAYS: Final = ("a session for each request", "a client for each request", "clients kept, PyJWKClient and pydantic")


class _Claims(BaseModel):
    """A token's claims, as a model."""

    model_config = ConfigDict(extra="allow", strict=True)

    iss: str
    sub: str
    aud: str
    exp: int
    iat: int
    repository: str
    repository_id: str
    repository_owner_id: str
    ref: str
    event_name: str


class _Login(BaseModel):
    """The answer, as a model."""

    username: str
    password: str
    registry: str
    expires_at: str


def usual_ways(token: str, *, keys_url: str, assume_role: Mapping[str, Any]) -> Mapping[str, Callable[[], None]]:
    """Return each of `WAYS` as something to call; `assume_role` are the service's own parameters for STS."""
    keys = jwt.PyJWKClient(keys_url)
    sts = boto3.client("sts")
    ecr_session = boto3.Session(aws_access_key_id="to be", aws_secret_access_key="replaced")
    credentials = ecr_session.get_credentials()
    assert credentials is not None
    ecr = ecr_session.client("ecr")

    def claims() -> _Claims:
        key = keys.get_signing_key_from_jwt(token)
        return _Claims.model_validate(jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE))

    def answer(login: Mapping[str, Any]) -> None:
        data = login["authorizationData"][0]
        shown = _Login(
            username="AWS",
            password=data["authorizationToken"],
            registry=data["proxyEndpoint"],
            expires_at=str(data["expiresAt"]),
        )
        print(json.dumps({"statusCode": 200, "body": shown.model_dump_json()}))

    def with_sessions() -> None:
        assert claims().repository
        given = boto3.Session().client("sts").assume_role(**assume_role)["Credentials"]
        answer(_session_of(given).client("ecr").get_authorization_token())

    def with_clients() -> None:
        assert claims().repository
        given = boto3.client("sts").assume_role(**assume_role)["Credentials"]
        answer(
            boto3.client(
                "ecr",
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
            ).get_authorization_token()
        )

    def with_kept_clients() -> None:
        assert claims().repository
        given = sts.assume_role(**assume_role)["Credentials"]
        credentials.access_key = given["AccessKeyId"]
        credentials.secret_key = given["SecretAccessKey"]
        credentials.token = given["SessionToken"]
        answer(ecr.get_authorization_token())

    return dict(zip(WAYS, (with_sessions, with_clients, with_kept_clients), strict=True))


def _session_of(given: Mapping[str, Any]) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=os.environ["AWS_REGION"],
    )

"""The function as tutorials write it: a handler with boto3 that keeps nothing between two requests.

`BENCH_KEYS_URL` is where the issuer's keys are, and `BENCH_ASSUME_ROLE` has the service's parameters for STS, as JSON.
"""

import json
import os
from collections.abc import Mapping

import boto3
import jwt

from sandbox.policy import AUDIENCE


def handler(event: Mapping[str, str], _context: object) -> dict[str, object]:
    """Return a login for the token in `event`; any failure is the runtime's, and so a 500."""
    if event["rawPath"] != "/v1/token":
        return _answer({})
    token = _header(event, "authorization").removeprefix("Bearer ")
    key = jwt.PyJWKClient(os.environ["BENCH_KEYS_URL"]).get_signing_key_from_jwt(token)
    jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)
    given = boto3.client("sts").assume_role(**json.loads(os.environ["BENCH_ASSUME_ROLE"]))["Credentials"]
    ecr = boto3.client(
        "ecr",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    return _answer({"password": ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]})


def _header(event: Mapping[str, object], name: str) -> str:
    headers = event["headers"]
    assert isinstance(headers, dict)
    return str(headers[name])


def _answer(body: dict[str, object]) -> dict[str, object]:
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}

"""The ways in which the probe asks: at the public address, as a job does, or one version of the function itself."""

import json
import uuid
from typing import TYPE_CHECKING, Final, Protocol

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from token_exchange.core.ports import Json

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_TIMEOUT_SECONDS: Final = 10.0
_AGENT: Final = "token-exchange-probe"
_HOST: Final = "probe.invalid"

_CONFIG: Final = Config(connect_timeout=2, read_timeout=_TIMEOUT_SECONDS, retries={"total_max_attempts": 1})


class ProbeFailed(Exception):
    """The exchange did not answer as expected; the message is for the log."""


class Door(Protocol):
    """A way to ask the exchange."""

    def __call__(
        self, method: str, path: str, *, query: str = "", token: str | None = None
    ) -> tuple[int, dict[str, Json]]:
        """Return the status of the answer, and its fields.

        Raises:
            ProbeFailed: there is no answer, or it is not JSON.
        """
        ...


class Address:
    """The public address `url`, through domain, certificate and gateway."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(total=_TIMEOUT_SECONDS), retries=False)

    def __call__(
        self, method: str, path: str, *, query: str = "", token: str | None = None
    ) -> tuple[int, dict[str, Json]]:
        """Send the request."""
        url = f"{self._url}{path}"
        headers = {"User-Agent": _AGENT} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        try:
            answer = self._http.request(method, f"{url}?{query}" if query else url, headers=headers, redirect=False)
            return answer.status, _fields(answer.data)
        except (HTTPError, ValueError) as error:
            raise ProbeFailed(f"{url}: no answer ({type(error).__name__})") from error


class Version:
    """One version of the function, which no request may have reached yet: `arn` is invoked as the gateway does."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._functions: LambdaClient = boto3.client("lambda", config=_CONFIG)

    def __call__(
        self, method: str, path: str, *, query: str = "", token: str | None = None
    ) -> tuple[int, dict[str, Json]]:
        """Invoke it with the event of an HTTP API for the request."""
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": _HOST} | ({} if token is None else {"authorization": f"Bearer {token}"}),
            "requestContext": {
                "domainName": _HOST,
                "requestId": str(uuid.uuid4()),
                "stage": "$default",
                "http": {"method": method, "path": path, "sourceIp": "127.0.0.1", "userAgent": _AGENT},
            },
            "isBase64Encoded": False,
        }
        try:
            answer = self._functions.invoke(FunctionName=self._arn, Payload=json.dumps(event))
            match json.loads(answer["Payload"].read()):
                case {"statusCode": int() as status, "body": str() as body} if not answer.get("FunctionError"):
                    return status, _fields(body.encode())
                case _:
                    raise ProbeFailed(f"{path}: {answer.get('FunctionError') or 'no answer of an HTTP function'}")
        except (BotoCoreError, ClientError, ValueError) as error:
            raise ProbeFailed(f"{path}: no answer ({type(error).__name__}: {error})") from error


def _fields(content: bytes) -> dict[str, Json]:
    fields: Json = json.loads(content)
    return fields if isinstance(fields, dict) else {}

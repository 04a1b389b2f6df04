"""A wire between the service and the sandbox's AWS, on which one answer is bent."""

import http.client
import re
from collections.abc import Mapping, Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from fuzz.pieces import built
from fuzz.target import Json, mapping_in
from sandbox.loopback import Answer, Request, Server, Silence

_OPERATIONS: Final = (
    ("Action=AssumeRole", "sts"),
    ("AmazonEC2ContainerRegistry", "ecr"),
    ("SpencerFrontendService", "ecr-public"),
    ("secretsmanager.", "secretsmanager"),
    ("DynamoDB_20120810.GetItem", "dynamodb-read"),
    ("DynamoDB_20120810", "dynamodb"),
    ("/configurationsessions", "appconfig-start"),
    ("/configuration?", "appconfig"),
    ("GET /", "s3"),
)
_SPOT: Final = re.compile(rb'(?<=>)[^<]+(?=<)|"[^"]*"|[0-9]+|[{}\[\]:,<>/]')
"""What can be replaced in an answer: values, names, numbers and what holds them together."""
_NOT_HANDED_ON: Final = frozenset({"content-length", "date", "connection", "transfer-encoding"})


class BentAws:
    """Hands requests on to the AWS at `url` and its answers back; of `plan`'s operation as the plan says.

    S3 and AppConfig, which the sandbox has not, or not without a deployment, answer with `policy`.
    """

    def __init__(self, policy: bytes) -> None:
        self._policy = policy
        self._aws = ""
        self.operation: str | None = None
        self.plan: Mapping[str, Json] = {}
        self.bent = 0

    def __enter__(self) -> Self:
        """Listen."""
        self._server = Server(self._answer)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.close()

    @property
    def url(self) -> str:
        """The endpoint for every service."""
        return f"http://127.0.0.1:{self._server.port}"

    def in_front_of(self, aws: str) -> Self:
        """Hand requests on to the AWS at this address."""
        self._aws = aws
        return self

    def _answer(self, request: Request) -> Answer | Silence:
        seen = f"{request.method} {request.target}\n{request.header('x-amz-target')}\n{request.body[:2000]!r}"
        operation = next((name for sign, name in _OPERATIONS if sign in seen), None)
        answer = self._own(operation) or self._handed_on(request)
        if operation != self.operation or isinstance(answer, Silence):
            return answer
        self.bent += 1
        return bent(answer, self.plan)

    def _own(self, operation: str | None) -> Answer | None:
        match operation:
            case "s3":
                headers = (("etag", '"1"'), ("last-modified", "Fri, 01 Jan 2027 00:00:00 GMT"))
                return Answer(headers=(*headers, ("content-type", "binary/octet-stream")), body=self._policy)
            case "appconfig-start":
                return Answer(status=201, body=b'{"InitialConfigurationToken": "first"}')
            case "appconfig":
                headers = (("next-poll-configuration-token", "next"), ("next-poll-interval-in-seconds", "15"))
                return Answer(headers=(*headers, ("version-label", "one")), body=self._policy)
            case _:
                return None

    def _handed_on(self, request: Request) -> Answer | Silence:
        connection = http.client.HTTPConnection(urlsplit(self._aws).netloc, timeout=10)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.endheaders(request.body)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return Silence.DROP  # a call that was given up long ago, and comes when all is over
        finally:
            connection.close()
        headers = tuple((name, value) for name, value in response.getheaders() if name.lower() not in _NOT_HANDED_ON)
        return Answer(status=response.status, headers=headers, body=body)


def bent(answer: Answer, plan: Mapping[str, Json]) -> Answer | Silence:
    """Return `answer` with another status, other headers, and pieces where values were."""
    if plan.get("drop"):
        return Silence.DROP
    status = plan.get("status")
    headers = dict(answer.headers)
    for name, value in mapping_in(plan.get("headers")).items():
        headers[name] = built(value).encode("latin-1", "replace").decode("latin-1").replace("\r", "").replace("\n", "")
    body = answer.body
    edits = plan.get("edits")
    for edit in edits if isinstance(edits, list) else []:
        body = _edited(body, edit)
    return Answer(
        status=status if isinstance(status, int) else answer.status, headers=tuple(headers.items()), body=body
    )


def _edited(body: bytes, edit: Json) -> bytes:
    match edit:
        case [int(place), list(pieces)]:
            spots: Sequence[re.Match[bytes]] = list(_SPOT.finditer(body))
            if not spots:
                return built(pieces).encode("utf-8", "replace")
            start, end = spots[place % len(spots)].span()
            quote = b'"' if body[start : start + 1] == b'"' else b""
            return body[:start] + quote + built(pieces).encode("utf-8", "replace") + quote + body[end:]
        case _:
            return body

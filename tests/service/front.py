"""Requests as the gateways hand them to the handler, and its answers taken apart."""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlencode

from sandbox.backends import Backends
from sandbox.evidence import object_of
from sandbox.front_door import LambdaContext
from sandbox.gateway_events import Event, make_event
from sandbox.loopback import Request
from sandbox.rest_events import make_rest_event
from tests.service.policy import AUDIENCE
from token_exchange.core.ports import Json
from token_exchange_cli.audit.schema import LineChecker, line_schema

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
EXCHANGE_FORM = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": ID_TOKEN}
FORM_TYPE = "application/x-www-form-urlencoded"

type Shape = Literal["http-api", "http-api-stage", "rest-api", "rest-api-base-path", "function-url"]
SHAPES: tuple[Shape, ...] = ("http-api", "http-api-stage", "rest-api", "rest-api-base-path", "function-url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)

    @property
    def fields(self) -> dict[str, Json]:
        parsed: Json = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def reason(self) -> Json:
        return self.fields["reason"]

    def texts(self, name: str) -> list[dict[str, Json]]:
        """Return the list of objects under `name`."""
        found = self.fields[name]
        assert isinstance(found, list)
        return [item for item in found if isinstance(item, dict)]


def answer_of(result: object) -> Answer:
    assert isinstance(result, dict)
    assert result.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert result["isBase64Encoded"] is False
    json.dumps(result)
    return Answer(
        status=result["statusCode"],
        headers={name.lower(): value for name, value in result["headers"].items()},
        body=result["body"],
    )


def context(*, request_id: str | None = None, remaining_seconds: float = 30.0) -> LambdaContext:
    return LambdaContext(
        aws_request_id=request_id or str(uuid.uuid4()), ends_at_monotonic=time.monotonic() + remaining_seconds
    )


def event_of(request: Request, shape: Shape = "http-api") -> Event:
    domain = "sandbox001.execute-api.eu-west-1.amazonaws.com"
    make = make_rest_event if shape.startswith("rest-api") else make_event
    event = make(request, domain=domain, request_id="gateway-1", trace_id="Root=1-2-3", now_seconds=1_767_225_600.0)
    within = event["requestContext"]
    assert isinstance(within, dict)
    path = request.url.path
    match shape:
        case "http-api-stage":
            within["stage"] = "live"
            event["rawPath"] = f"/live{path}"
        case "rest-api-base-path":
            event["resource"] = "/v1/{proxy+}"
            event["path"] = f"/ecr/login{path}"
            event["pathParameters"] = {"proxy": path.removeprefix("/v1/")}
        case "function-url":
            # Its domain is another, and it has neither a stage nor a route.
            event["routeKey"] = within["routeKey"] = within["stage"] = "$default"
    return event


class Front:
    """The handler, with requests made for it."""

    def __init__(self, backends: Backends, handler: Callable[[object, LambdaContext], object]) -> None:
        self.backends = backends
        self.handler = handler

    def token(
        self,
        scenario: str | None = None,
        *,
        audience: str | list[str] = AUDIENCE,
        provider: str = "github-actions",
        without: Sequence[str] = (),
        header: Mapping[str, object] | None = None,
        now: float | None = None,
        lifetime_seconds: int | None = None,
        **claims: Json,
    ) -> str:
        return self.backends.issuer.mint(
            provider,
            audience=audience,
            scenario=scenario,
            claims=claims,
            without=without,
            header=header,
            now=now,
            lifetime_seconds=lifetime_seconds,
        )

    def send(
        self,
        token: str | None = None,
        query: str | Mapping[str, str] = "",
        *,
        method: str = "POST",
        path: str = "/v1/token",
        form: Mapping[str, str] | None = None,
        json_body: Mapping[str, Json] | None = None,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        shape: Shape = "http-api",
        remaining_seconds: float = 30.0,
        request_id: str | None = None,
    ) -> Answer:
        sent = [("User-Agent", "curl/8.14.1"), *headers]
        if token is not None:
            sent.append(("Authorization", f"Bearer {token}"))
        if form is not None:
            sent.append(("Content-Type", FORM_TYPE))
            body = urlencode(form).encode()
        if json_body is not None:
            sent.append(("Content-Type", "application/json"))
            body = json.dumps(json_body).encode()
        encoded = query if isinstance(query, str) else urlencode(query)
        request = Request(
            method=method,
            target=f"{path}?{encoded}" if encoded else path,
            headers=tuple(sent),
            body=body,
            peer="203.0.113.7",
        )
        return self.invoke(event_of(request, shape), remaining_seconds=remaining_seconds, request_id=request_id)

    def invoke(self, event: object, *, remaining_seconds: float = 30.0, request_id: str | None = None) -> Answer:
        return answer_of(self.handler(event, context(request_id=request_id, remaining_seconds=remaining_seconds)))

    def calls(self) -> list[str]:
        """Return the operations that AWS was asked for, but for look-ups of keys, which say nothing of the caller."""
        return [seen.operation for seen in self.backends.aws.requests() if seen.operation != "dynamodb:GetItem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Standard output, by the kind of line."""

    audit: list[dict[str, Json]]
    events: list[dict[str, Json]]
    metrics: list[dict[str, Json]]
    text: str


CHECKER: Final = LineChecker()
FIELDS: Final = object_of(line_schema()["properties"], "properties").keys()


def read_log(text: str) -> Log:
    audit, events, metrics = list[dict[str, Json]](), list[dict[str, Json]](), list[dict[str, Json]]()
    for line in text.splitlines():
        fields: Json = json.loads(line)
        assert isinstance(fields, dict)
        if "_aws" in fields:
            metrics.append(fields)
        elif fields["record"] == "audit":
            assert CHECKER.problem(fields) is None
            assert fields.keys() <= FIELDS
            audit.append(fields)
        else:
            assert fields["record"] == "event"
            events.append(fields)
    return Log(audit=audit, events=events, metrics=metrics, text=text)

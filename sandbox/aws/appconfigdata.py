"""AppConfig's data plane: deployed configurations, and sessions whose tokens are valid for one call.

Source: AppConfig Data API Reference, StartConfigurationSession and GetLatestConfiguration.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sandbox.aws.calls import Call, Operation
from sandbox.aws.ecr import authorize
from sandbox.aws.errors import AwsError, json_answer
from sandbox.aws.principals import new_secret
from sandbox.loopback import Answer, Request

TOKEN_SECONDS: Final = 24 * 3600
DEFAULT_POLL_SECONDS: Final = 60
_POLL_BOUNDS_SECONDS: Final = (15, 86400)
_PATHS: Final = {
    ("POST", "/configurationsessions"): "appconfig:StartConfigurationSession",
    ("GET", "/configuration"): "appconfig:GetLatestConfiguration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The names of an application, an environment and a profile."""

    application: str
    environment: str
    profile: str

    def arn(self, *, region: str, account: str) -> str:
        """Return what policies call it."""
        return (
            f"arn:aws:appconfig:{region}:{account}:application/{self.application}"
            f"/environment/{self.environment}/configuration/{self.profile}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One version of a configuration."""

    content: bytes = field(repr=False)
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    place: Place
    poll_seconds: int
    given_at: float
    not_before: float
    has: Deployed | None


class Configurations:
    """The deployed configurations, and the tokens of their sessions."""

    def __init__(self) -> None:
        self._deployed: dict[Place, Deployed] = {}
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The supported operations, by their names in policies."""
        return {
            "appconfig:StartConfigurationSession": self._start,
            "appconfig:GetLatestConfiguration": self._get_latest,
        }

    def deploy(self, place: Place, content: bytes, *, label: str | None = None) -> None:
        """Deploy `content` at once."""
        with self._lock:
            self._deployed[place] = Deployed(content=content, label=label)

    def age_tokens(self, seconds: float) -> None:
        """Age every token, as if an environment had been frozen."""
        with self._lock:
            for text, token in self._tokens.items():
                self._tokens[text] = replace(
                    token, given_at=token.given_at - seconds, not_before=token.not_before - seconds
                )

    def _start(self, call: Call) -> Answer:
        place = Place(
            application=_identifier(call, "ApplicationIdentifier"),
            environment=_identifier(call, "EnvironmentIdentifier"),
            profile=_identifier(call, "ConfigurationProfileIdentifier"),
        )
        poll_seconds = call.parameters.get("RequiredMinimumPollIntervalInSeconds", DEFAULT_POLL_SECONDS)
        least, most = _POLL_BOUNDS_SECONDS
        if not isinstance(poll_seconds, int) or not least <= poll_seconds <= most:
            raise AwsError(code="BadRequestException", message=f"the poll interval must be {least} to {most}")
        self._authorize(call, place)
        if place not in self._deployed:
            raise AwsError(
                code="ResourceNotFoundException", message="The deployment was not found for this request.", status=404
            )
        token = self._next(
            _Token(
                place=place,
                poll_seconds=poll_seconds,
                given_at=call.now_seconds,
                not_before=call.now_seconds,
                has=None,
            )
        )
        return json_answer({"InitialConfigurationToken": token}, request_id=call.request_id, status=201)

    def _get_latest(self, call: Call) -> Answer:
        with self._lock:
            # Used up even if the call fails: a token is valid for one call.
            token = self._tokens.pop(str(call.parameters.get("configuration_token")), None)
        if token is None:
            raise _bad_token("Corrupted")
        if call.now_seconds - token.given_at > TOKEN_SECONDS:
            raise _bad_token("Expired")
        if call.now_seconds < token.not_before:
            raise _bad_token("PollIntervalNotSatisfied")
        self._authorize(call, token.place)
        deployed = self._deployed[token.place]
        following = self._next(
            _Token(
                place=token.place,
                poll_seconds=token.poll_seconds,
                given_at=call.now_seconds,
                not_before=call.now_seconds + token.poll_seconds,
                has=deployed,
            )
        )
        is_new = deployed is not token.has
        headers = [
            ("x-amzn-requestid", call.request_id),
            ("content-type", "application/octet-stream"),
            ("Next-Poll-Configuration-Token", following),
            ("Next-Poll-Interval-In-Seconds", str(token.poll_seconds)),
        ]
        if is_new and deployed.label is not None:
            headers.append(("Version-Label", deployed.label))
        return Answer(headers=tuple(headers), body=deployed.content if is_new else b"")

    def _authorize(self, call: Call, place: Place) -> None:
        arn = place.arn(region=call.caller.region, account=call.caller.session.role.account)
        authorize(call.caller.session, action=call.operation, resource=arn, now_seconds=call.now_seconds)

    def _next(self, token: _Token) -> str:
        text = new_secret(size_bytes=120)
        with self._lock:
            self._tokens[text] = token
        return text


def operation_of(request: Request) -> str | None:
    """Return the operation whose path this is, if it is one of AppConfig's."""
    return _PATHS.get((request.method, request.url.path))


def parameters_of(request: Request) -> Mapping[str, object] | None:
    """Return the parameters of query and body, or None for a body that is not JSON."""
    try:
        body: object = json.loads(request.body or b"{}")
    except ValueError:
        return None
    return {**dict(request.parameters()), **body} if isinstance(body, dict) else None


def _identifier(call: Call, name: str) -> str:
    value = call.parameters.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 128:  # noqa: PLR2004 - the model's own bounds
        raise AwsError(code="BadRequestException", message=f"{name} must have 1 to 128 characters")
    return value


def _bad_token(problem: str) -> AwsError:
    return AwsError(code="BadRequestException", message=f"Invalid configuration token: {problem}")

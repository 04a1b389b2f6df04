"""AppConfig's data plane: deployed configurations, and sessions whose tokens are valid for one call.

Source: AppConfig Data API Reference, StartConfigurationSession and GetLatestConfiguration.
"""

import json
import threading
from collections.abc import Callable, Mapping
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
    draw_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rolling:
    """A deployment that has reached `percent` of the sessions; the others have `previous`."""

    previous: Deployed | None
    percent: int


class Configurations:
    """The deployed configurations, and the tokens of their sessions."""

    def __init__(self) -> None:
        self._deployed: dict[Place, Deployed] = {}
        self._rolling: dict[Place, _Rolling] = {}
        self._tokens: dict[str, _Token] = {}
        self._draws = 0
        self.poll_seconds: int | None = None
        """The interval that AppConfig states, whatever was asked for."""
        self.before_each_call: Callable[[float], object] = float
        """Carries on deployments until the time of a call."""
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
        self.restore(place, Deployed(content=content, label=label))

    def deployed(self, place: Place) -> Deployed | None:
        """Return what is deployed, or being deployed."""
        with self._lock:
            return self._deployed.get(place)

    def roll(self, place: Place, new: Deployed, previous: Deployed | None, *, percent: int) -> None:
        """Deploy `new` to `percent` of the sessions."""
        with self._lock:
            self._deployed[place] = new
            self._rolling[place] = _Rolling(previous=previous, percent=percent)

    def restore(self, place: Place, deployed: Deployed | None) -> None:
        """Deploy `deployed`, or nothing, to all sessions."""
        with self._lock:
            self._rolling.pop(place, None)
            self._deployed.pop(place, None)
            if deployed is not None:
                self._deployed[place] = deployed

    def _for_session(self, place: Place, draw_percent: int) -> Deployed:
        with self._lock:
            rolling = self._rolling.get(place)
            found = self._deployed.get(place)
            if rolling is not None and draw_percent >= rolling.percent:
                found = rolling.previous
        if found is None:
            raise AwsError(
                code="ResourceNotFoundException", message="The deployment was not found for this request.", status=404
            )
        return found

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
        self.before_each_call(call.now_seconds)
        with self._lock:
            # Spreads the sessions evenly over a hundred, in an order that is the same in each run.
            draw_percent = self._draws * 61 % 100
            self._draws += 1
        self._for_session(place, draw_percent)
        token = self._next(
            _Token(
                place=place,
                poll_seconds=self.poll_seconds or poll_seconds,
                given_at=call.now_seconds,
                not_before=call.now_seconds,
                has=None,
                draw_percent=draw_percent,
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
        self.before_each_call(call.now_seconds)
        deployed = self._for_session(token.place, token.draw_percent)
        following = self._next(
            _Token(
                place=token.place,
                poll_seconds=token.poll_seconds,
                given_at=call.now_seconds,
                not_before=call.now_seconds + token.poll_seconds,
                has=deployed,
                draw_percent=token.draw_percent,
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

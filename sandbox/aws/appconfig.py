"""AppConfig's control plane: hosted versions, and deployments that alarms may roll back.

Source: AppConfig User Guide, "Working with deployment strategies", "Monitoring deployments for automatic rollback" and
"Reverting a configuration"; AppConfig API Reference. A deployment that meets an alarm is rolled back within a minute of
its start; whether AWS would refuse the start, its documents do not say.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sandbox.aws.appconfigdata import Configurations, Deployed, Place
from sandbox.aws.calls import Call, Operation
from sandbox.aws.ecr import authorize
from sandbox.aws.errors import AwsError, json_answer
from sandbox.loopback import Answer, Request

type AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
type Monitor = Callable[[float], AlarmState | None]
"""The state of an alarm at a time, in seconds since the epoch; None if its actions are disabled."""
type DeploymentState = Literal["DEPLOYING", "BAKING", "COMPLETE", "ROLLED_BACK", "REVERTED"]

REVERT_SECONDS: Final = 72 * 3600
_MINUTE: Final = 60.0
_ENVIRONMENT: Final = r"/applications/(?P<ApplicationId>[^/]+)/environments/(?P<EnvironmentId>[^/]+)/deployments"
_VERSIONS: Final = (
    r"/applications/(?P<ApplicationId>[^/]+)/configurationprofiles/(?P<ConfigurationProfileId>[^/]+)"
    r"/hostedconfigurationversions"
)
_ONE: Final = rf"{_ENVIRONMENT}/(?P<DeploymentNumber>[0-9]+)"
_ROUTES: Final = (
    ("GET", re.compile(_ENVIRONMENT), "ListDeployments"),
    ("POST", re.compile(_ENVIRONMENT), "StartDeployment"),
    ("GET", re.compile(_ONE), "GetDeployment"),
    ("DELETE", re.compile(_ONE), "StopDeployment"),
    ("POST", re.compile(_VERSIONS), "CreateHostedConfigurationVersion"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A linear deployment strategy."""

    duration_minutes: int
    growth_percent: int
    bake_minutes: int

    def percent(self, elapsed_minutes: float) -> int:
        """Return the share of clients that have the new version."""
        if elapsed_minutes >= self.duration_minutes:
            return 100
        step_minutes = self.duration_minutes * self.growth_percent / 100
        return min(100, self.growth_percent * (1 + int(elapsed_minutes / step_minutes)))


ALL_AT_ONCE: Final = Strategy(duration_minutes=0, growth_percent=100, bake_minutes=10)


@dataclass(slots=True, kw_only=True)
class Deployment:
    """A deployment to an environment; `previous` is what was there before."""

    number: int
    place: Place
    version: int
    strategy: Strategy
    started_at: float
    checked_at: float
    previous: Deployed | None = field(repr=False)
    state: DeploymentState = "DEPLOYING"
    completed_at: float | None = None

    @property
    def is_in_progress(self) -> bool:
        """Whether an alarm can still take it back."""
        return self.state in {"DEPLOYING", "BAKING"}


class Deployments:
    """Hosted versions by profile, and deployments by environment.

    `monitors` are the alarms of an environment. `validate` raises for content that must not be deployed.
    """

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations
        self._configurations.before_each_call = self.advance
        self._versions: dict[tuple[str, str], list[Deployed]] = {}
        self._deployments: dict[tuple[str, str], list[Deployment]] = {}
        self._lock = threading.RLock()
        self.strategies: dict[str, Strategy] = {"AppConfig.AllAtOnce": ALL_AT_ONCE}
        self.monitors: dict[tuple[str, str], Sequence[Monitor]] = {}
        self.validate: Callable[[bytes], object] = bytes
        self.passed_seconds = 0.0
        """How far deployments are ahead of the clock of signatures."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The supported operations, by their names in policies."""
        return {
            "appconfig:CreateHostedConfigurationVersion": self._create_version,
            "appconfig:StartDeployment": self._start,
            "appconfig:GetDeployment": self._get,
            "appconfig:ListDeployments": self._list,
            "appconfig:StopDeployment": self._stop,
        }

    def deployment(self, application: str, environment: str) -> Deployment:
        """Return the latest deployment to an environment."""
        return self._deployments[application, environment][-1]

    def advance(self, now_seconds: float) -> None:
        """Carry on every deployment until `now_seconds`, looking at the monitors once a minute."""
        now_seconds += self.passed_seconds
        with self._lock:
            for of_environment in self._deployments.values():
                for deployment in of_environment:
                    while deployment.is_in_progress and deployment.checked_at <= now_seconds:
                        self._step(deployment)

    def _step(self, deployment: Deployment) -> None:
        at = deployment.checked_at
        deployment.checked_at += _MINUTE
        monitors = self.monitors.get((deployment.place.application, deployment.place.environment), ())
        if any(monitor(at) in {"ALARM", "INSUFFICIENT_DATA"} for monitor in monitors):
            self._take_back(deployment, "ROLLED_BACK")
            return
        strategy, elapsed = deployment.strategy, (at - deployment.started_at) / _MINUTE
        self._configurations.roll(
            deployment.place, self._content(deployment), deployment.previous, percent=strategy.percent(elapsed)
        )
        if elapsed >= strategy.duration_minutes + strategy.bake_minutes:
            deployment.state, deployment.completed_at = "COMPLETE", at
        elif elapsed >= strategy.duration_minutes:
            deployment.state = "BAKING"

    def _take_back(self, deployment: Deployment, state: DeploymentState) -> None:
        deployment.state = state
        self._configurations.restore(deployment.place, deployment.previous)

    def _content(self, deployment: Deployment) -> Deployed:
        return self._versions[deployment.place.application, deployment.place.profile][deployment.version - 1]

    def _create_version(self, call: Call) -> Answer:
        application, profile = _text(call, "ApplicationId"), _text(call, "ConfigurationProfileId")
        _authorize(call, f"application/{application}/configurationprofile/{profile}")
        content, label = call.parameters.get("Content"), call.parameters.get("VersionLabel")
        if not isinstance(content, bytes) or not content:
            raise AwsError(code="BadRequestException", message="the content is empty")
        with self._lock:
            versions = self._versions.setdefault((application, profile), [])
            versions.append(Deployed(content=content, label=label if isinstance(label, str) else None))
            number = len(versions)
        headers = (
            ("x-amzn-requestid", call.request_id),
            ("Application-Id", application),
            ("Configuration-Profile-Id", profile),
            ("Version-Number", str(number)),
        )
        return Answer(status=201, headers=headers, body=content)

    def _start(self, call: Call) -> Answer:
        place = Place(
            application=_text(call, "ApplicationId"),
            environment=_text(call, "EnvironmentId"),
            profile=_text(call, "ConfigurationProfileId"),
        )
        _authorize(call, f"application/{place.application}/environment/{place.environment}")
        strategy = self.strategies.get(_text(call, "DeploymentStrategyId"))
        version = _text(call, "ConfigurationVersion")
        with self._lock:
            self.advance(call.now_seconds)
            versions = self._versions.get((place.application, place.profile), [])
            if strategy is None or not version.isdecimal() or not 1 <= int(version) <= len(versions):
                raise AwsError(code="ResourceNotFoundException", message="no such strategy or version", status=404)
            of_environment = self._deployments.setdefault((place.application, place.environment), [])
            if any(each.is_in_progress for each in of_environment):
                raise AwsError(code="ConflictException", message="Another deployment is in progress.", status=409)
            try:
                self.validate(versions[int(version) - 1].content)
            except Exception as error:
                raise AwsError(code="BadRequestException", message=f"the validator refused: {error}") from error
            deployment = Deployment(
                number=len(of_environment) + 1,
                place=place,
                version=int(version),
                strategy=strategy,
                started_at=call.now_seconds + self.passed_seconds,
                checked_at=call.now_seconds + self.passed_seconds,
                previous=self._configurations.deployed(place),
            )
            of_environment.append(deployment)
            self.advance(call.now_seconds)
        return _described(deployment, call, status=201)

    def _get(self, call: Call) -> Answer:
        return _described(self._found(call), call)

    def _list(self, call: Call) -> Answer:
        application, environment = _text(call, "ApplicationId"), _text(call, "EnvironmentId")
        _authorize(call, f"application/{application}/environment/{environment}")
        with self._lock:
            self.advance(call.now_seconds)
            found = self._deployments.get((application, environment), [])
            items: list[dict[str, object]] = [
                {"DeploymentNumber": each.number, "State": each.state} for each in reversed(found)
            ]
        return json_answer({"Items": items}, request_id=call.request_id)

    def _stop(self, call: Call) -> Answer:
        deployment = self._found(call)
        with self._lock:
            completed = deployment.completed_at
            if deployment.is_in_progress:
                self._take_back(deployment, "ROLLED_BACK")
            elif (
                call.parameters.get("Allow-Revert") == "true"
                and deployment.state == "COMPLETE"
                and completed is not None
                and call.now_seconds + self.passed_seconds - completed <= REVERT_SECONDS
            ):
                self._take_back(deployment, "REVERTED")
            else:
                raise AwsError(code="BadRequestException", message="The deployment cannot be stopped or reverted.")
        return _described(deployment, call, status=202)

    def _found(self, call: Call) -> Deployment:
        application, environment = _text(call, "ApplicationId"), _text(call, "EnvironmentId")
        _authorize(call, f"application/{application}/environment/{environment}")
        number = int(_text(call, "DeploymentNumber"))
        with self._lock:
            self.advance(call.now_seconds)
            for deployment in self._deployments.get((application, environment), []):
                if deployment.number == number:
                    return deployment
        raise AwsError(code="ResourceNotFoundException", message="no such deployment", status=404)


def _described(deployment: Deployment, call: Call, *, status: int = 200) -> Answer:
    fields: dict[str, object] = {
        "ApplicationId": deployment.place.application,
        "EnvironmentId": deployment.place.environment,
        "ConfigurationProfileId": deployment.place.profile,
        "DeploymentNumber": deployment.number,
        "ConfigurationVersion": str(deployment.version),
        "State": deployment.state,
    }
    return json_answer(fields, request_id=call.request_id, status=status)


def _text(call: Call, name: str) -> str:
    value = call.parameters.get(name)
    if not isinstance(value, str) or not value:
        raise AwsError(code="BadRequestException", message=f"{name} is missing")
    return value


def _authorize(call: Call, resource: str) -> None:
    session, region = call.caller.session, call.caller.region
    arn = f"arn:aws:appconfig:{region}:{session.role.account}:{resource}"
    authorize(session, action=call.operation, resource=arn, now_seconds=call.now_seconds)


def route(request: Request) -> tuple[str, Mapping[str, str]] | None:
    """Return the operation whose path this is, and the parameters in the path."""
    for method, pattern, operation in _ROUTES:
        found = pattern.fullmatch(request.url.path)
        if found is not None and request.method == method:
            return f"appconfig:{operation}", found.groupdict()
    return None


def header_parameters(request: Request, operation: str) -> Mapping[str, object]:
    """Return the parameters that `operation` sends outside path and JSON."""
    if operation == "appconfig:CreateHostedConfigurationVersion":
        return {"Content": request.body, "VersionLabel": request.header("versionlabel")}
    return {"Allow-Revert": request.header("allow-revert")}

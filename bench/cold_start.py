"""The first call of a new environment, in Lambda's runtime interface emulator: what is deployed, and less than it.

The emulator starts the function with its first call, so that call's time is import, init and an answer. It is asked
for its health, which takes nothing but the policy that it has read: the calls to AWS that an exchange makes are the
same on both sides, and measured elsewhere.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import IO, Final

import boto3

from bench.environment import small_policy_environments
from bench.figures import Figure, Part
from sandbox.backends import Backends
from sandbox.emulator import EmulatedFunction, Emulator, EmulatorFailed, built_function
from sandbox.front_door import LambdaContext
from sandbox.gateway_events import make_event
from sandbox.lambda_build import BUILD_FOLDER, FUNCTION
from sandbox.loopback import Request

AIM: Final = 1.3
LIMIT: Final = 1.6
_TITLE: Final = "A cold start in Lambda's emulator"
_EMPTY: Final = "def handler(event, context):\n    return {'statusCode': 200}\n"
_BOTO3: Final = f"import boto3\n\nsts = boto3.client('sts')\necr = boto3.client('ecr')\n\n\n{_EMPTY}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    function: EmulatedFunction
    environment: Mapping[str, str]


def measure(folder: Path, *, rounds: int) -> Part:
    """Return how many times as long the first call takes as with a handler that imports boto3 and makes two clients."""
    if not (BUILD_FOLDER / FUNCTION).is_dir():
        return Part(title=_TITLE, method="Left out: nothing is built; `make bench` builds first.", figures=())
    samples: dict[str, list[float]] = {}
    try:
        with Backends(folder) as backends, (folder / "emulator.log").open("wb") as log:
            order = list(_starts(backends, folder).items())
            for counted in (False, *[True] * rounds):
                order.reverse()
                for name, start in order:
                    seconds = _first_call_seconds(start, log)
                    if counted:
                        samples.setdefault(name, []).append(seconds)
    except EmulatorFailed as error:
        return Part(title=_TITLE, method=f"Left out: {error}.", figures=())
    return _comparison(samples, rounds)


def _starts(backends: Backends, folder: Path) -> dict[str, _Start]:
    environments = small_policy_environments(backends, folder)
    return {
        "empty": _Start(function=_function(folder / "empty", _EMPTY), environment=environments["compiled"]),
        "boto3": _Start(function=_function(folder / "boto3", _BOTO3), environment=environments["compiled"]),
        "ours": _Start(function=built_function(), environment=environments["compiled"]),
        "yaml": _Start(function=built_function(), environment=environments["source"]),
    }


def _function(folder: Path, source: str) -> EmulatedFunction:
    folder.mkdir()
    (folder / "app.py").write_text(source)
    libraries = Path(boto3.__file__).parent.parent
    return EmulatedFunction(handler="app.handler", folder=folder, libraries=(libraries,))


def _first_call_seconds(start: _Start, log: IO[bytes]) -> float:
    event = make_event(
        Request(method="GET", target="/v1/health", headers=()),
        domain="exchange.example",
        request_id="bench",
        trace_id="Root=1-0-0",
        now_seconds=time.time(),
    )
    with Emulator(start.environment, output=log, function=start.function) as emulator:
        context = LambdaContext(aws_request_id="bench", ends_at_monotonic=time.monotonic() + 20)
        started = time.perf_counter()
        answer = emulator(event, context)
        seconds = time.perf_counter() - started
    assert isinstance(answer, dict)
    assert answer.get("statusCode") == HTTPStatus.OK, answer
    return seconds


def _comparison(samples: Mapping[str, list[float]], rounds: int) -> Part:
    middle = {name: median(values) for name, values in samples.items()}
    least = {name: min(values) for name, values in samples.items()}
    assert middle["empty"] < min(middle["ours"], middle["boto3"]), middle
    return Part(
        title=_TITLE,
        method=(
            "The time of an environment's first call, `GET /v1/health`, in the emulator that the SAM CLI puts into its "
            "containers, with AWS's own runtime loop. This service is the function and the layer as deployed, built "
            "for this machine, with a compiled policy of one grant and the state table, and so with three clients. It "
            "is compared with a handler that imports boto3 and creates an STS and an ECR client. Bytecode is compiled "
            f"in all cases. Medians of {rounds} each, interleaved."
        ),
        figures=(
            _ratio("first call / boto3 and two clients", middle["ours"], middle["boto3"]),
            _ratio("first call, by the least times", least["ours"], least["boto3"]),
            _ratio("first call with the policy in YAML, by the least times", least["yaml"], least["boto3"]),
            Figure(name="first call", value=middle["ours"] * 1e3, unit="ms"),
            Figure(name="first call with the policy in YAML", value=middle["yaml"] * 1e3, unit="ms"),
            Figure(name="first call with boto3 and two clients", value=middle["boto3"] * 1e3, unit="ms"),
            Figure(name="first call of a handler that imports nothing", value=middle["empty"] * 1e3, unit="ms"),
        ),
    )


def _ratio(name: str, ours: float, boto3s: float) -> Figure:
    return Figure(name=name, value=ours / boto3s, unit="times", aim=AIM, limit=LIMIT)

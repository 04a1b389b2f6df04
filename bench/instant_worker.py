"""The process that is timed against `bench.instant_aws`: a job is on its input, the samples on its output."""

import io
import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import parse_qsl

import jwt
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from bench.processes import Job, answer_job
from bench.request import request_of
from bench.sampling import seconds_in_turns
from bench.worker import bare_calls, nested
from sandbox.policy import AUDIENCE

_OF_THE_LOGGER: Final = {"level", "location", "message", "service", "timestamp"}


def samples(job: Job) -> object:
    """Return the times of what the job names, by both clocks."""
    one = request_of(job["token"], HTTPStatus.OK, query="registry=registry-0")
    one()
    calls = {"one": one, "all": request_of(job["token"], HTTPStatus.OK, query="")}
    if job["bare"]:
        connection = HTTPConnection(os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"))
        connection.request("GET", "/")
        sent = nested(dict(parse_qsl(connection.getresponse().read().decode())))
        key = jwt.PyJWKClient(job["keys_url"]).get_signing_key_from_jwt(job["token"])
        usual = _usual_way(job["token"], key, assume_role=sent, line=_audit_line(one))
        calls = {"one": one, "usual": usual, "bare": bare_calls(sent)}
    return {
        name: seconds_in_turns(calls, rounds=job["rounds"], warm_up=10, clock=clock)
        for name, clock in (("processor", time.process_time), ("wall", time.perf_counter))
    }


def _audit_line(one: Callable[[], None]) -> Mapping[str, object]:
    """Return the fields of the line that an exchange leaves, without those that the logger adds."""
    with redirect_stdout(io.StringIO()) as printed:
        one()
    lines: list[dict[str, object]] = [json.loads(line) for line in printed.getvalue().splitlines()]
    (line,) = (line for line in lines if line.get("record") == "audit")
    return {name: value for name, value in line.items() if name not in _OF_THE_LOGGER}


def _usual_way(
    token: str, key: jwt.PyJWK, *, assume_role: Mapping[str, Any], line: Mapping[str, object]
) -> Callable[[], None]:
    """Return the calls with the service's other duties, as the libraries' documents show them, and with no policy."""
    calls = bare_calls(assume_role)
    threads = ThreadPoolExecutor(1)
    logger = Logger(service="usual-way")
    metrics = Metrics(namespace="UsualWay", service="usual-way")

    def usual_way() -> None:
        jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)
        threads.submit(calls).result(timeout=20)
        logger.info("exchange", extra=line)
        metrics.add_dimension(name="decision", value="granted")
        metrics.add_metric(name="Exchanges", unit=MetricUnit.Count, value=1)
        for name in ("Duration", "StsDuration", "EcrDuration"):
            metrics.add_metric(name=name, unit=MetricUnit.Milliseconds, value=1.5)
        metrics.flush_metrics()
        print(json.dumps({"statusCode": 200, "body": json.dumps(line)}))

    return usual_way


if __name__ == "__main__":
    answer_job(samples)

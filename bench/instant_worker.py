"""The process that is timed against `bench.instant_aws`: a job is on its input, the samples on its output."""

import os
import time
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import parse_qsl

from bench.processes import Job, answer_job
from bench.request import request_of
from bench.sampling import seconds_in_turns
from bench.worker import bare_calls, nested


def samples(job: Job) -> object:
    """Return the times of what the job names, by both clocks."""
    one = request_of(job["token"], HTTPStatus.OK, query="registry=registry-0")
    one()
    calls = {"one": one, "all": request_of(job["token"], HTTPStatus.OK, query="")}
    if job["bare"]:
        connection = HTTPConnection(os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"))
        connection.request("GET", "/")
        sent = dict(parse_qsl(connection.getresponse().read().decode()))
        calls = {"one": one, "bare": bare_calls(nested(sent))}
    return {
        name: seconds_in_turns(calls, rounds=job["rounds"], warm_up=10, clock=clock)
        for name, clock in (("processor", time.process_time), ("wall", time.perf_counter))
    }


if __name__ == "__main__":
    answer_job(samples)

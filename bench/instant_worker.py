"""The process that is timed against `bench.instant_aws`: a job is on its input, the samples on its output."""

import json
import os
import sys
import time
from contextlib import redirect_stdout
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import parse_qsl

from bench.request import request_of
from bench.sampling import seconds_in_turns
from bench.worker import bare_calls, nested


def main() -> None:
    """Time what the job says, by both clocks."""
    job = json.loads(sys.stdin.readline())
    answers = sys.stdout
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no path but a device
        one = request_of(job["token"], HTTPStatus.OK, query="registry=registry-0")
        one()
        calls = {"one": one, "all": request_of(job["token"], HTTPStatus.OK, query="")}
        if job["bare"]:
            connection = HTTPConnection(os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"))
            connection.request("GET", "/")
            sent = dict(parse_qsl(connection.getresponse().read().decode()))
            calls = {"one": one, "bare": bare_calls(nested(sent))}
        samples = {
            name: seconds_in_turns(calls, rounds=job["rounds"], warm_up=10, clock=clock)
            for name, clock in (("processor", time.process_time), ("wall", time.perf_counter))
        }
    print(json.dumps(samples), file=answers, flush=True)


if __name__ == "__main__":
    main()

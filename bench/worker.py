"""The process in which exchanges and bare calls are timed in turns: `python -m bench.worker`, a job on its input.

The service's own lines go where nobody reads them: each costs its write, as in Lambda, and no more.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from http import HTTPStatus
from typing import Any

import boto3

from bench.sampling import seconds_in_turns
from sandbox.front_door import LambdaContext
from sandbox.gateway_events import make_event
from sandbox.loopback import Request
from sandbox.runtime import load_handler
from sandbox.service import HANDLER


def main() -> None:
    """Exchange once, say so, take the parameters of its AssumeRole, and time both ways."""
    job = json.loads(sys.stdin.readline())
    answers = sys.stdout
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no path but a device
        exchange = _exchange(job["token"])
        exchange()
        print("ready", file=answers, flush=True)
        bare = _bare_calls(json.loads(sys.stdin.readline()))
        samples = seconds_in_turns({"exchange": exchange, "bare": bare}, rounds=job["rounds"], warm_up=20)
    print(json.dumps(samples), file=answers, flush=True)


def _exchange(token: str) -> Callable[[], None]:
    request = Request(method="POST", target="/v1/token?registry=apps", headers=(("Authorization", f"Bearer {token}"),))
    handler = load_handler(HANDLER)
    event = make_event(
        request, domain="exchange.example", request_id="bench", trace_id="Root=1-0-0", now_seconds=time.time()
    )

    def exchange() -> None:
        context = LambdaContext(aws_request_id=str(uuid.uuid4()), ends_at_monotonic=time.monotonic() + 20)
        answer = handler(event, context)
        assert isinstance(answer, dict)
        assert answer["statusCode"] == HTTPStatus.OK, answer

    return exchange


def _bare_calls(assume_role: Mapping[str, Any]) -> Callable[[], None]:
    """Return the two calls of an exchange, as little as they can be: kept clients, credentials put into one."""
    sts = boto3.client("sts")
    session = boto3.session.Session(aws_access_key_id="to be", aws_secret_access_key="replaced")
    credentials = session.get_credentials()
    assert credentials is not None
    ecr = session.client("ecr")

    def calls() -> None:
        given = sts.assume_role(**assume_role)["Credentials"]
        credentials.access_key = given["AccessKeyId"]
        credentials.secret_key = given["SecretAccessKey"]
        credentials.token = given["SessionToken"]
        assert ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    return calls


if __name__ == "__main__":
    main()

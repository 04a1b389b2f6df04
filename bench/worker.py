"""The process in which exchanges and what they are held against are timed in turns: a job is on its input.

The service's log lines are discarded after writing: each costs its write, as in Lambda.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from http import HTTPStatus
from typing import Any

import boto3

from bench.request import request_of
from bench.sampling import seconds_in_turns
from bench.usual_ways import usual_ways


def main() -> None:
    """Exchange once, say so, take the parameters of its AssumeRole, and time every way."""
    job = json.loads(sys.stdin.readline())
    answers = sys.stdout
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no path but a device
        exchange = request_of(job["token"], HTTPStatus.OK)
        exchange()
        print("ready", file=answers, flush=True)
        assume_role = json.loads(sys.stdin.readline())
        calls = {
            "exchange": exchange,
            "bare": bare_calls(assume_role),
            "noise": request_of(job["noise"], HTTPStatus.UNAUTHORIZED),
            "denied": request_of(job["denied"], HTTPStatus.FORBIDDEN),
            **usual_ways(job["token"], keys_url=job["keys_url"], assume_role=assume_role),
        }
        samples = seconds_in_turns(calls, rounds=job["rounds"], warm_up=job["warm_up"])
    print(json.dumps(samples), file=answers, flush=True)


def bare_calls(assume_role: Mapping[str, Any]) -> Callable[[], None]:
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


def nested(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return AssumeRole's parameters in boto3's form, from that of the wire: `Tags.member.1.Key` and its kind."""
    own = parameters.keys() - {"Action", "Version"}
    whole = {name: parameters[name] for name in own if "." not in name}
    count = sum(name.endswith(".Key") for name in parameters)
    tags = [
        {part: parameters[f"Tags.member.{place}.{part}"] for part in ("Key", "Value")} for place in range(1, count + 1)
    ]
    return {**whole, "DurationSeconds": int(str(whole["DurationSeconds"])), **({"Tags": tags} if tags else {})}


if __name__ == "__main__":
    main()

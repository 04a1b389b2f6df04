"""A handler for the tests of what runs a handler."""

import json
import os

from sandbox.front_door import LambdaContext
from sandbox.gateway_events import Event

if os.environ.get("TOY_APP_FAILS"):
    raise RuntimeError("the start failed, on request")


def handler(event: Event, _context: LambdaContext) -> object:
    """Answer with the path and the environment; write one line, as an audit line would be."""
    print(json.dumps({"path": event["rawPath"]}))  # noqa: T201 - what Lambda would log
    shown = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "TOKEN_EXCHANGE_"))}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(shown)}

"""What a request costs to read: each part once, and nothing that an outsider sends costs as much as an exchange."""

import base64
import json
import sys
from collections.abc import Callable
from types import CodeType

import pytest

from bench.hostile import costliest
from bench.hostile_grammars import Put, requests
from bench.instructions import count
from sandbox.loopback import Request
from tests.service.front import EXCHANGE_FORM, FORM_TYPE, Front, event_of
from token_exchange.core.strict_json import parse_object
from token_exchange.http.event import parse_pairs

_TOOL = sys.monitoring.DEBUGGER_ID
JSON_TYPE = "application/json"


def calls_of(code: CodeType, call: Callable[[], object]) -> int:
    """Return how often `call` enters the function whose code this is."""
    entered = 0

    def one(_code: CodeType, _offset: int) -> None:
        nonlocal entered
        entered += 1

    sys.monitoring.use_tool_id(_TOOL, "token-exchange-tests")
    try:
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_START, one)
        sys.monitoring.set_local_events(_TOOL, code, sys.monitoring.events.PY_START)
        call()
    finally:
        sys.monitoring.set_local_events(_TOOL, code, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_START, None)
        sys.monitoring.free_tool_id(_TOOL)
    return entered


def body(front: Front, content: bytes, content_type: str, status: int, path: str = "/v1/token") -> Callable[[], object]:
    def send() -> None:
        assert front.send(path=path, body=content, headers=[("Content-Type", content_type)]).status == status

    return send


@pytest.mark.parametrize("path", ["/v1/token", "/v1/explain"])
@pytest.mark.parametrize(
    ("fields", "status", "times"),
    [
        # the body, and both parts of a token that is looked at
        ({"registry": "apps"}, 401, 1),
        ({"registry": 7}, 400, 1),
        ({"grant_type": "x"}, 400, 1),
        ({**EXCHANGE_FORM, "subject_token": "a.b.c"}, 400, 1),
        ({**EXCHANGE_FORM, "subject_token": "e30.e30.e30"}, 400, 3),
    ],
)
def test_a_json_body_is_parsed_once(
    front: Front, path: str, fields: dict[str, object], status: int, times: int
) -> None:
    send = body(front, json.dumps(fields).encode(), JSON_TYPE, status, path)
    assert calls_of(parse_object.__code__, send) == times


@pytest.mark.parametrize("content", [b'{"a":1,"a":1}', b'{"scope":"", "scope":""}', b"{", b"[" * 60_000])
def test_a_body_that_is_refused_is_parsed_once(front: Front, content: bytes) -> None:
    assert calls_of(parse_object.__code__, body(front, content, JSON_TYPE, 400)) == 1


@pytest.mark.parametrize(("content", "status"), [(b"registry=apps", 401), (b"grant_type=x", 400), (b"a=%", 400)])
def test_a_form_is_parsed_once(front: Front, content: bytes, status: int) -> None:
    assert calls_of(parse_pairs.__code__, body(front, content, FORM_TYPE, status)) == 1


def test_a_granted_exchange_reads_its_body_once(front: Front) -> None:
    form = {**EXCHANGE_FORM, "subject_token": front.token(), "registry": "apps"}
    send = body(front, json.dumps(form).encode(), JSON_TYPE, 200)
    send()  # the issuer's keys are read with the first
    assert calls_of(parse_object.__code__, send) == 3


@pytest.mark.parametrize("end", ["", "!", "\ud800"])
def test_only_the_start_of_a_body_that_is_too_long_is_decoded(front: Front, end: str) -> None:
    encoded = base64.b64encode(b"a" * 100_000).decode() + end
    event = event_of(Request(method="POST", target="/v1/token", headers=(("Content-Type", FORM_TYPE),)))
    answer = front.invoke({**event, "body": encoded, "isBase64Encoded": True})
    assert (answer.status, answer.reason) == (413, "body-too-large")
    answer = front.invoke({**event, "body": encoded, "isBase64Encoded": False})
    assert (answer.status, answer.reason) == (413, "body-too-large")


@pytest.mark.parametrize(("length", "status"), [(64 * 1024, 401), (64 * 1024 + 1, 413)])
@pytest.mark.parametrize("is_encoded", [True, False])
def test_a_body_may_have_its_full_length(front: Front, length: int, status: int, is_encoded: bool) -> None:  # noqa: FBT001 - a column
    content = "a" * length
    event = event_of(Request(method="POST", target="/v1/token", headers=(("Content-Type", FORM_TYPE),)))
    sent = base64.b64encode(content.encode()).decode() if is_encoded else content
    assert front.invoke({**event, "body": sent, "isBase64Encoded": is_encoded}).status == status


@pytest.fixture(scope="module")
def honest_instructions(started: Front) -> int:
    token = started.token()
    event = event_of(
        Request(method="POST", target="/v1/token?registry=apps", headers=(("Authorization", f"Bearer {token}"),))
    )
    return count(lambda: started.invoke(event))


KINDS = requests(issuer="https://ci.example", audience="https://exchange.example", key_id="k")


@pytest.mark.parametrize("kind", KINDS)
def test_no_unverified_request_costs_as_much_as_an_exchange(front: Front, honest_instructions: int, kind: str) -> None:
    attempt = KINDS[kind]

    def instructions(text: str) -> float:
        event = event_of(_request(attempt.request(text)))
        return float(count(lambda: front.invoke(event)))

    found = costliest(attempt.grammar, instructions, candidates=40, seed=3)
    assert found.cost < honest_instructions


def _request(put: Put) -> Request:
    return Request(method="POST", target=f"/v1/token?{put.query}", headers=put.headers, body=put.body)

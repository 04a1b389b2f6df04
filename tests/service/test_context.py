"""The context that an invoker hands over: Lambda's is whole, others' need not be."""

from dataclasses import dataclass

from sandbox.gateway_events import Event
from sandbox.loopback import Request
from tests.service.front import Front, answer_of, event_of


@dataclass
class OnlyAnId:
    aws_request_id: str = "0f0e0d0c-0000-4000-8000-00000000000a"


def _request(front: Front) -> Event:
    header = ("Authorization", f"Bearer {front.token()}")
    return event_of(Request(method="POST", target="/v1/token?registry=apps", headers=(header,), body=b""))


def test_a_context_without_a_clock_sets_only_our_own_limit(front: Front) -> None:
    answer = answer_of(front.handler(_request(front), OnlyAnId()))  # type: ignore[arg-type] # what is tested
    assert answer.status == 200
    assert answer.headers["x-request-id"] == OnlyAnId.aws_request_id


def test_a_request_without_a_context_gets_an_id(front: Front) -> None:
    ids = [
        answer_of(front.handler(_request(front), None)).headers["x-request-id"]  # type: ignore[arg-type] # as above
        for _ in range(2)
    ]
    assert all(len(each) == 32 for each in ids)
    assert len(set(ids)) == 2

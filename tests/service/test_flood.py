"""Bad tokens in a row: each is refused for little, and honest jobs are served."""

import gc
from collections.abc import Callable

import pytest

from bench.flood import bad_tokens
from bench.instructions import count
from sandbox.loopback import Request
from tests.service.front import Front, event_of
from token_exchange.reporting.audit import AuditRecord

TOKENS = 120


@pytest.fixture(scope="module")
def bad(started: Front) -> list[str]:
    return [*bad_tokens(started.backends).values()]


def flood(front: Front, tokens: list[str], times: int) -> None:
    for number in range(times):
        assert front.send(tokens[number % len(tokens)], "registry=apps").status == 401


def test_honest_jobs_are_served_among_bad_tokens(front: Front, bad: list[str]) -> None:
    fetches = front.backends.issuer.count("github-actions", "keys")
    front.backends.aws.forget_requests()
    for _ in range(4):
        flood(front, bad, TOKENS // 4)
        assert front.send(front.token(), "registry=apps").status == 200
    # None of the bad ones reached AWS, and at most one made the service look for a new key.
    assert len(front.backends.aws.requests("sts:AssumeRole")) == 4
    assert front.backends.issuer.count("github-actions", "keys") - fetches <= 1


def test_no_kind_of_bad_token_costs_much_more_than_noise(front: Front, bad: list[str]) -> None:
    costs = [count(sending(front, token)) for token in bad]
    assert max(costs) < 2 * min(costs)


def test_nothing_of_a_refused_request_stays_in_memory(front: Front, bad: list[str]) -> None:
    def records() -> list[AuditRecord]:
        return [found for found in gc.get_objects() if isinstance(found, AuditRecord)]

    gc.collect()
    # A record that only the garbage collector frees would keep the token until then.
    gc.disable()
    try:
        earlier = records()
        flood(front, bad, len(bad))
        assert len(records()) == len(earlier)
    finally:
        gc.enable()


def sending(front: Front, token: str) -> Callable[[], object]:
    event = event_of(
        Request(method="POST", target="/v1/token?registry=apps", headers=(("Authorization", f"Bearer {token}"),))
    )
    return lambda: front.invoke(event)

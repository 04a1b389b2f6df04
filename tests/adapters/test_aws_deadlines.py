import threading
import time
from contextvars import ContextVar
from functools import partial

import pytest

from tests.fake_clock import FakeClock
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.settings import SystemClock
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused

WHOSE: ContextVar[str] = ContextVar("WHOSE", default="unknown")


def _deadline(seconds: float) -> Deadline:
    clock = FakeClock()
    return Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + seconds)


def test_a_call_passes_on_its_result_or_exception() -> None:
    calls = DeadlineCalls()
    assert calls.call(lambda: 7, deadline=_deadline(10)) == 7
    with pytest.raises(ZeroDivisionError):
        calls.call(lambda: 1 // 0, deadline=_deadline(10))


def test_a_call_sees_the_callers_context_and_does_not_change_it() -> None:
    def look() -> str:
        found = WHOSE.get()
        WHOSE.set("the call's")
        return found

    token = WHOSE.set("mine")
    try:
        assert DeadlineCalls().call(look, deadline=_deadline(10)) == "mine"
        assert WHOSE.get() == "mine"
    finally:
        WHOSE.reset(token)


def test_without_time_nothing_is_called() -> None:
    called = threading.Event()
    with pytest.raises(Refused) as refused:
        DeadlineCalls().call(called.set, deadline=_deadline(0))
    assert refused.value.reason is Reason.DEADLINE_EXCEEDED
    assert not called.is_set()


def test_a_hanging_call_is_abandoned_and_blocks_no_other() -> None:
    calls, release = DeadlineCalls(), threading.Event()
    clock = SystemClock()
    started = time.monotonic()
    with pytest.raises(Refused) as refused:
        calls.call(
            lambda: release.wait(timeout=30),
            deadline=Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 0.05),
        )
    assert refused.value.reason is Reason.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 5
    assert calls.call(lambda: 7, deadline=_deadline(10)) == 7
    release.set()


def test_functions_run_at_the_same_time_and_keep_their_order() -> None:
    together = threading.Barrier(10, timeout=30)

    def number(one: int) -> int:
        together.wait()
        return one

    functions = [partial(number, one) for one in range(10)]
    assert DeadlineCalls().run(functions, deadline=_deadline(30)) == list(range(10))


def test_each_function_ends_with_its_own_outcome() -> None:
    release = threading.Event()
    clock = SystemClock()
    fine, failed, hanging = DeadlineCalls().run(
        [lambda: 7, lambda: 1 // 0, lambda: int(release.wait(timeout=30))],
        deadline=Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 0.5),
    )
    release.set()
    assert fine == 7
    assert isinstance(failed, ZeroDivisionError)
    assert isinstance(hanging, Refused)
    assert hanging.reason is Reason.DEADLINE_EXCEEDED

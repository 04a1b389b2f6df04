from typing import NoReturn

import pytest

from tests.attempts import REQUEST_ID, attempt_of
from tests.fake_clock import FakeClock


def test_a_part_is_measured_in_milliseconds() -> None:
    clock = FakeClock()
    attempt = attempt_of(clock)
    for seconds, milliseconds in ((2, 2000), (0.25, 2250)):
        with attempt.measure("sts"):
            clock.advance(seconds)
            # A look at a part that still runs changes nothing.
            assert attempt.milliseconds() == {"sts": milliseconds}
        assert attempt.milliseconds() == {"sts": milliseconds}
    with attempt.measure("ecr"):
        clock.advance(1 / 64_000)
        assert attempt.milliseconds() == {"sts": 2250, "ecr": 0.016}


def test_a_part_that_fails_is_measured_too() -> None:
    clock = FakeClock()
    attempt = attempt_of(clock)

    def fail() -> NoReturn:
        clock.advance(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), attempt.measure("keys"):
        fail()
    clock.advance(5)
    assert attempt.milliseconds() == {"keys": 3000}


def test_of_logins_made_at_once_the_longest_time_counts() -> None:
    clock = FakeClock()
    attempt = attempt_of(clock)
    logins = [attempt.for_login() for _ in range(3)]
    assert {login.request_id for login in logins} == {REQUEST_ID}
    for login, seconds in zip(logins, (1, 4, 2), strict=True):
        with login.measure("sts"):
            clock.advance(seconds)
    attempt.add_longest(logins)
    assert attempt.milliseconds() == {"sts": 4000}

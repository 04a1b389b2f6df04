import pytest

from tests.fake_issuer import FakeIssuer
from token_exchange.core.keys import KeySet
from token_exchange.issuer_keys.timing import HeldKeys, IssuerKeys, Moment, Purpose

KEYS = KeySet.parse(FakeIssuer().key_set(), algorithms=("RS256",))


def at(seconds: float, monotonic_seconds: float | None = None) -> Moment:
    return Moment(
        wall_seconds=1e9 + seconds,
        monotonic_seconds=1e3 + (seconds if monotonic_seconds is None else monotonic_seconds),
    )


HELD = HeldKeys(keys=KEYS, fetched_at=at(0))


@pytest.mark.parametrize(
    ("now", "age_seconds", "fresh", "usable"),
    [
        (at(0), 0, True, True),
        (at(600), 600, True, True),
        (at(601), 601, False, True),
        (at(86_400), 86_400, False, True),
        (at(86_401), 86_401, False, False),
        # a frozen environment: the monotonic clock stood still
        (at(601, 1), 601, False, True),
        (at(86_401, 1), 86_401, False, False),
        # a wall clock that was set back
        (at(-3600, 601), 601, False, True),
        (at(-3600, 86_401), 86_401, False, False),
        # an age that is negative by either clock proves nothing
        (at(-1, 1), 1, False, True),
        (at(1, -1), 1, False, True),
        (at(-1), -1, False, True),
    ],
)
def test_age(now: Moment, age_seconds: float, fresh: bool, usable: bool) -> None:  # noqa: FBT001 - a table
    assert HELD.age_seconds(now) == age_seconds
    assert HELD.is_fresh(now) is fresh
    assert HELD.is_usable(now) is usable
    keys = IssuerKeys()
    keys.succeeded(KEYS, fetched_at=at(0))
    assert keys.usable(now) == (HELD if usable else None)


def test_nothing_is_usable_before_the_first_fetch() -> None:
    keys = IssuerKeys()
    assert keys.usable(at(0)) is None
    for purpose in ("renewal", "unknown-key"):
        assert keys.wait_seconds(purpose, at(0)) <= 0


def test_pauses_grow_to_a_minute_and_end_with_a_success() -> None:
    keys = IssuerKeys()
    pauses = []
    for _ in range(9):
        keys.failed(at(0))
        pauses.append(keys.wait_seconds("renewal", at(0)))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    keys.succeeded(KEYS, fetched_at=at(1))
    assert keys.wait_seconds("renewal", at(1)) <= 0
    keys.failed(at(2))
    assert keys.wait_seconds("renewal", at(2)) == 1


def test_an_issuer_fails_until_it_succeeds() -> None:
    keys = IssuerKeys()
    failing = [keys.failing]
    keys.failed(at(0))
    failing.append(keys.failing)
    keys.succeeded(KEYS, fetched_at=at(0))
    failing.append(keys.failing)
    assert failing == [False, True, False]


def test_a_failure_keeps_the_cached_set() -> None:
    keys = IssuerKeys()
    keys.succeeded(KEYS, fetched_at=at(0))
    keys.failed(at(700))
    assert keys.usable(at(701)) == HELD


def test_thousands_of_failures_are_still_a_minute() -> None:
    keys = IssuerKeys()
    for _ in range(5000):
        keys.failed(at(0))
    assert keys.wait_seconds("renewal", at(0)) == 60


@pytest.mark.parametrize("now", [at(1), at(1, 0), at(-3600, 1)])
def test_a_pause_ends_by_either_clock(now: Moment) -> None:
    keys = IssuerKeys()
    keys.failed(at(0))
    assert keys.wait_seconds("renewal", now) <= 0


@pytest.mark.parametrize(
    ("purpose", "seconds", "wait_seconds"),
    [("unknown-key", 0, 30), ("unknown-key", 29, 1), ("unknown-key", 30, 0), ("renewal", 0, 0)],
)
def test_an_unknown_key_costs_one_fetch_in_thirty_seconds(
    purpose: Purpose, seconds: float, wait_seconds: float
) -> None:
    keys = IssuerKeys()
    keys.started("renewal", at(0))
    assert keys.wait_seconds("unknown-key", at(0)) <= 0
    keys.started("unknown-key", at(0))
    keys.succeeded(KEYS, fetched_at=at(0))
    assert keys.wait_seconds(purpose, at(seconds)) == wait_seconds


def test_a_failure_for_an_unknown_key_counts_too() -> None:
    keys = IssuerKeys()
    keys.started("unknown-key", at(0))
    keys.failed(at(0))
    assert keys.wait_seconds("renewal", at(2)) <= 0
    assert keys.wait_seconds("unknown-key", at(2)) == 28

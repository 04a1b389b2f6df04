"""What an exchange costs in instructions; more than these is a regression, to be fixed or justified here."""

import gc
import json
from pathlib import Path
from threading import Thread

import pytest

from bench.instructions import count, counts

# Python's instructions. A loop that sets a record's fields has more of them, and fewer of the machine's, than map().
MOST = {
    "verify": 2_100,
    # A winner's reach is computed twice, by the check and for the login: some 100 each, whatever the policy's size.
    "decide": 1_300,
    "decide, refused after 1,000 grants": 270_000,
    "down-scope": 1_450,
    # Which claims the record shows is worked out here too, and each value is searched for tokens.
    "audit": 3_850,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    return dict(counts(tmp_path_factory.mktemp("instructions")))


def test_every_part_has_a_limit(found: dict[str, int]) -> None:
    assert found.keys() == MOST.keys()


@pytest.mark.parametrize("part", MOST)
def test_no_part_executes_more_than_its_limit(found: dict[str, int], part: str) -> None:
    assert found[part] <= MOST[part]


@pytest.mark.parametrize("part", MOST)
def test_no_limit_is_so_wide_that_it_limits_nothing(found: dict[str, int], part: str) -> None:
    assert found[part] >= MOST[part] * 0.8, "it got cheaper: lower its limit, so that it stays so"


def test_counts_are_the_same_each_time(found: dict[str, int], tmp_path: Path) -> None:
    # But for the order in which sets are gone through.
    assert counts(tmp_path) == pytest.approx(found, rel=0.005)


def test_the_work_of_other_threads_is_not_counted() -> None:
    def beside() -> None:
        other = Thread(target=lambda: [None for _ in range(10_000)])
        other.start()
        other.join()

    assert count(beside) < 10_000


class Discarded:
    """Garbage that only a collection frees, with a finalizer that takes long."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        for _ in range(10_000):
            pass


def test_a_garbage_collection_is_not_counted() -> None:
    # More objects than a young generation holds, made by one call, after which a collection is due.
    objects = json.dumps([[]] * (2 * gc.get_threshold()[0]))

    def allocate() -> None:
        json.loads(objects)

    def discard_and_allocate() -> None:
        Discarded()
        allocate()

    assert count(discard_and_allocate) < count(allocate) + 100
    assert gc.isenabled()


def test_work_is_counted() -> None:
    assert count(lambda: [None for _ in range(1000)]) > count(lambda: [None for _ in range(10)]) + 990

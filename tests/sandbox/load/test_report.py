import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.load.report import percentile


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [([3, 1, 2], 50, 2), ([1, 2, 3, 4], 50, 2), ([1, 2, 3, 4], 90, 4), ([5], 99, 5), ([*range(1, 101)], 99, 99)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], percent: int, found: float) -> None:
    assert percentile(values, percent) == found


@given(values=st.lists(st.floats(0, 10), min_size=1), percent=st.integers(1, 100))
def test_so_many_percent_do_not_exceed_it(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)

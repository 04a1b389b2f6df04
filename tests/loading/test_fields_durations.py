import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.loading.fields import duration_between, spelled_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("1m", 60), ("30m", 1800), ("12h", 43200), ("43200s", 43200)]
)
def test_durations(text: str, seconds: int) -> None:
    assert duration_between("1m", "12h")(text) == seconds


def test_zero_where_it_is_allowed() -> None:
    assert duration_between("0s", "120s")("0s") == 0


@pytest.mark.parametrize("text", ["59s", "13h", "43201s", "0s", "9999999h"])
def test_out_of_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="between 1m and 12h"):
        duration_between("1m", "12h")(text)


@pytest.mark.parametrize(
    "text",
    ["", "30", "m", "1.5h", "-1m", "+1m", "01m", "1 m", "1M", "1h30m", "1d", "1m\n", "\u0661m", "99999999s", "1e3s"],
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 30m or 12h"):
        duration_between("1m", "12h")(text)


@given(st.integers(min_value=1, max_value=12 * 3600))
def test_a_duration_that_is_spelled_reads_as_the_same(seconds: int) -> None:
    assert duration_between("1s", "12h")(spelled_duration(seconds)) == seconds


@pytest.mark.parametrize(("seconds", "text"), [(3600, "1h"), (5400, "90m"), (1800, "30m"), (61, "61s")])
def test_a_duration_is_spelled_in_the_largest_unit(seconds: int, text: str) -> None:
    assert spelled_duration(seconds) == text

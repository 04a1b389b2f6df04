"""The report's charts: bars as long as their numbers, and words where there is nothing to draw."""

from xml.etree.ElementTree import tostring

import pytest

from token_exchange.core.ports import Json
from token_exchange_cli.audit.report.charts import exchanges_over_time, times_by_part


@pytest.mark.parametrize("rows", [[], [{"hour": None, "decision": "granted", "exchanges": 3}]])
def test_lines_without_a_time_give_a_note(rows: list[dict[str, Json]]) -> None:
    (said,) = exchanges_over_time(rows)
    assert (said.tag, said.text) == ("p", "No line has a readable time.")


@pytest.mark.parametrize(
    ("last", "by", "names"),
    [
        ("2026-10-03T09:00:00Z", "hour", ["2026-10-01 09", "2026-10-03 09"]),
        ("2026-10-09T09:00:00Z", "day", ["2026-10-01", "2026-10-09"]),
    ],
)
def test_many_hours_are_drawn_by_day(last: str, by: str, names: list[str]) -> None:
    rows: list[dict[str, Json]] = [
        {"hour": "2026-10-01T09:00:00Z", "decision": "granted", "exchanges": 6},
        {"hour": last, "decision": "denied", "exchanges": 3},
        {"hour": last, "decision": "never heard of", "exchanges": 1},
    ]
    _legend, chart = exchanges_over_time(rows)
    assert chart.get("aria-label") == f"exchanges by {by} and decision, at most 6"
    assert [title.text for title in chart.iter("title")] == [
        f"{names[0]}: 6 granted",
        f"{names[1]}: 3 denied",
        f"{names[1]}: 1 other",
    ]
    heights = [float(str(bar.get("height"))) for bar in chart.iter("rect")]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.02)


@pytest.mark.parametrize("rows", [[], [{"part": "sts", "p50": None, "p95": None, "p99": None}]])
def test_without_times_there_is_no_chart(rows: list[dict[str, Json]]) -> None:
    assert times_by_part(rows) == []


def test_each_quantile_of_a_part_has_its_bar() -> None:
    (chart,) = times_by_part([{"part": "sts", "p50": 10, "p95": 20.0, "p99": 40}])
    widths = [float(str(bar.get("width"))) for bar in chart.iter("rect")]
    assert widths[2] == pytest.approx(4 * widths[0], abs=0.02)
    text = tostring(chart, encoding="unicode")
    assert all(label in text for label in ("p50 10.0 ms", "p95 20.0 ms", "p99 40.0 ms"))

from pathlib import Path

import pytest

from bench.figures import Figure, Part
from bench.report import BEGIN, END, PAGE, block, problems, rewrite, rewrite_section

PART = Part(
    title="Lifting",
    method="By hand.",
    figures=(
        Figure(name="crane / hand", value=1.239, unit="times", aim=1.5, limit=2.0),
        Figure(name="hand", value=12345.678, unit="µs"),
    ),
)


def test_each_figure_is_a_row_with_its_unit_and_its_aims() -> None:
    assert block([PART], run="Run today.").splitlines()[-2:] == [
        "| crane / hand | 1.24 | 1.5 | 2 |",
        "| hand | 12346 µs |  |  |",
    ]


def test_an_omitted_comparison_gives_its_reason_and_no_table() -> None:
    missing = Part(title="Flying", method="Left out: no wings.", figures=())
    assert block([missing], run="Run today.").splitlines()[-3:] == ["### Flying", "", "Left out: no wings."]


@pytest.mark.parametrize(("value", "shown"), [(24.0, "24.00"), (0.1, "0.10"), (0.0089, "0.009")])
def test_a_ratio_keeps_the_digits_that_count(value: float, shown: str) -> None:
    assert Figure(name="a / b", value=value, unit="times").shown() == shown


def test_only_the_marked_block_of_the_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rewrite(page, "new")
    rewrite(page, "newer")
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_page_without_a_block_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="expected a block"):
        rewrite(page, "new")
    assert page.read_text() == text


def test_the_page_that_is_shipped_has_a_block_with_figures() -> None:
    _, begin, rest = PAGE.read_text().partition(BEGIN)
    figures, end, _ = rest.partition(END)
    assert begin
    assert end
    assert "warm exchange / bare calls" in figures


def test_one_comparison_is_replaced_in_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    others = [Part(title=title, method="So.", figures=()) for title in ("First", "Second")]
    rewrite(page, block(others, run="Run today."))
    rewrite_section(page, PART)
    assert page.read_text() == f"before\n{BEGIN}\n\n{block([*others, PART], run='Run today.')}\n\n{END}\nafter\n"
    anew = Part(title="First", method="Anew.", figures=())
    rewrite_section(page, anew)
    assert (
        page.read_text() == f"before\n{BEGIN}\n\n{block([anew, others[1], PART], run='Run today.')}\n\n{END}\nafter\n"
    )


def lifted(*, name: str = "crane 20 / hand", value: float = 1.0, limit: float = 2.0, steady: bool = True) -> Part:
    return Part(
        title="L", method="", figures=(Figure(name=name, value=value, unit="times", limit=limit, steady=steady),)
    )


@pytest.mark.parametrize(
    ("quick", "found"),
    [
        (lifted(), []),
        (lifted(value=3.0, steady=False), []),
        (lifted(name="crane / hand"), ["missing: crane 1,000 / hand"]),
        (Part(title="L", method="Left out: no crane.", figures=()), ["missing: crane 1,000 / hand"]),
        (lifted(value=3.0), ["impossible: crane 20 / hand, 3.0"]),
        (lifted(value=0.0), ["impossible: crane 20 / hand, 0.0"]),
        (lifted(value=float("nan")), ["impossible: crane 20 / hand, nan"]),
    ],
)
def test_a_quick_run_is_compared_with_the_page(tmp_path: Path, quick: Part, found: list[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    rewrite(page, block([lifted(name="crane 1,000 / hand")], run="Run today."))
    assert problems(page, [quick]) == found


def test_a_count_may_be_zero(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    counted = Part(title="L", method="", figures=(Figure(name="lost", value=0, unit="count", limit=0, steady=True),))
    assert problems(page, [counted]) == []

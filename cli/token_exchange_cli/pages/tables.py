"""Tables that sort by any column, and lists that a word filters; without the script, both are complete."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from token_exchange_cli.pages.elements import Node, element


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's heading, and how its cells are aligned and sorted."""

    title: str
    kind: Literal["text", "number"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a cell shows, and the value that it is sorted by if that is not its text."""

    shown: Sequence[Node]
    sorted_by: float | str | None = None


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell | str | float]], *, caption: str) -> Element:
    """Return a table with a filter above it; a string or a number is a cell of that text."""
    head = element(
        "tr",
        {},
        *(
            element("th", {"scope": "col", "class": column.kind}, element("button", {"type": "button"}, column.title))
            for column in columns
        ),
    )
    body = [
        element(
            "tr",
            {"data-item": ""},
            *(_cell(column, value) for column, value in zip(columns, row, strict=True)),
        )
        for row in rows
    ]
    made = element(
        "table",
        {"data-sortable": ""},
        element("caption", {}, caption),
        element("thead", {}, head),
        element("tbody", {}, *body),
    )
    return filterable(element("div", {"class": "scrolls"}, made), label=f"Filter: {caption}")


def filterable(*content: Element, label: str) -> Element:
    """Return `content` below a field whose words filter the elements with `data-item` in it.

    An element with `data-group` is hidden while all items in it are.
    """
    field = element("input", {"type": "search", "placeholder": "Filter", "aria-label": label, "autocomplete": "off"})
    count = element("output", {})
    # The script shows it: without the script it would do nothing.
    return element(
        "div", {"data-filterable": ""}, element("p", {"class": "filter", "hidden": ""}, field, " ", count), *content
    )


def _cell(column: Column, value: Cell | str | float) -> Element:
    cell = value if isinstance(value, Cell) else Cell(shown=[_text(value)], sorted_by=value)
    attributes: dict[str, str] = {"class": column.kind}
    if cell.sorted_by is not None:
        attributes["data-value"] = str(cell.sorted_by)
    return element("td", attributes, *cell.shown)


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"

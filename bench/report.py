"""A run's figures as text, and the marked block of the page that holds the last run's."""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure, Part

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: written by `make bench`, not by hand -->"
END: Final = "<!-- end of figures -->"


def block(parts: Sequence[Part], *, run: str) -> str:
    """Return the tables of `parts` in Markdown; `run` says where and when."""
    return "\n".join([run, *(section(part) for part in parts)])


def section(part: Part) -> str:
    """Return the table of `part` in Markdown, under its title."""
    if not part.figures:
        return f"\n### {part.title}\n\n{part.method}"
    rows = table(["figure", "this run", "aim", "never above"], map(_row, part.figures))
    return f"\n### {part.title}\n\n{part.method}\n\n{rows}"


def _row(figure: Figure) -> list[str]:
    aim, limit = (f"{value:g}" if value is not None else "" for value in (figure.aim, figure.limit))
    return [figure.name, figure.shown(), aim, limit]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: Iterable[int] = (0,)) -> str:
    """Return a table in Markdown, with the columns `left` aligned left, and all others right."""
    rule = ["---" if place in {*left} else "---:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def problems(page: Path, parts: Sequence[Part]) -> list[str]:
    """Return which figures of the page `parts` lack, and which of theirs are impossible, whatever the machine's load.

    Numbers in names are those of the run, and so are the packages of which a start is made.
    """
    shown = page.read_text().partition(BEGIN)[2].partition(END)[0]
    figures = [figure for part in parts for figure in part.figures]
    rows = re.findall(r"^\| ([^|]+) \| [\d.]", shown, re.MULTILINE)
    found = {_anonymous(figure.name) for figure in figures}
    return [
        *(f"missing: {name}" for name in rows if _anonymous(name) not in found),
        *(f"impossible: {figure.name}, {figure.value}" for figure in figures if not _is_possible(figure)),
    ]


def _anonymous(name: str) -> str:
    return re.sub(r"\d[\d,]*|(?<=^import of )\w+$", "…", name)


def _is_possible(figure: Figure) -> bool:
    if figure.steady and figure.limit is not None and figure.value > figure.limit:
        return False
    return math.isfinite(figure.value) and (figure.value > 0 or (figure.unit == "count" and figure.value == 0))


def rewrite(page: Path, fresh: str) -> None:
    """Put `fresh` where the page has the last run's figures.

    Raises:
        ValueError: the page has no marked block.
    """
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page.name}: expected a block between {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n\n{fresh}\n\n{end}{after}")


def rewrite_section(page: Path, part: Part) -> None:
    """Put the figures of `part` where the page has those of its last run, or behind all others.

    Raises:
        ValueError: the page has no marked block.
    """
    inside = page.read_text().partition(BEGIN)[2].partition(END)[0]
    sections = inside.strip().split("\n\n### ")
    fresh = section(part).removeprefix("\n### ")
    titles = [one.partition("\n")[0] for one in sections]
    if part.title in titles:
        sections[titles.index(part.title)] = fresh
    else:
        sections.append(fresh)
    rewrite(page, "\n\n### ".join(sections))

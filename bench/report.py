"""A run's figures as text, and the marked block of the page that holds the last run's."""

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

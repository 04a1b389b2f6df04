"""The documents, as far as the tests read them: headings, code blocks, tables, links."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, the word behind it that says what a test does with it, and its text."""

    language: str
    use: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One document; `name` is its path in the project."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        found = []
        for fence in _FENCE.finditer(self.text):
            language, _, use = fence["info"].partition(" ")
            found.append(Block(language=language, use=use, text=textwrap.dedent(fence["text"])))
        return found

    @property
    def headings(self) -> list[tuple[int, str]]:
        return [(len(marks), title) for marks, title in _HEADING.findall(self.prose)]

    @property
    def anchors(self) -> list[str]:
        """The anchors as GitHub makes them; one that comes again gets a number."""
        return [
            anchor if before == 0 else f"{anchor}-{before}"
            for anchor, before in _counted(anchor_of(title) for _, title in self.headings)
        ]

    @property
    def links(self) -> list[str]:
        return _LINK.findall(re.sub(r"`[^`\n]*`", "", self.prose))

    def section(self, title: str) -> str:
        """Return what stands under the heading `title`, up to the next heading of its level or above."""
        for found in _HEADING.finditer(self.text):
            if found[2] == title:
                rest = self.text[found.end() :]
                end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
                return rest[: end.start()] if end else rest
        raise AssertionError(f"{self.name} has no section {title}")

    def table(self, title: str) -> list[list[str]]:
        """Return the rows of all tables in the section `title`, without their heads."""
        return list(_rows(self.section(title)))


def _rows(text: str) -> Iterator[list[str]]:
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def _counted(anchors: Iterator[str]) -> Iterator[tuple[str, int]]:
    seen: dict[str, int] = {}
    for anchor in anchors:
        yield anchor, seen.get(anchor, 0)
        seen[anchor] = seen.get(anchor, 0) + 1


def anchor_of(title: str) -> str:
    """Return GitHub's anchor of a heading: lower case, spaces to hyphens, and most signs left out."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def code_in(text: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`\n]+)`", text)


@cache
def pages() -> tuple[Page, ...]:
    """Return every document of the project."""
    paths = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    return tuple(Page(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in paths)


def page(name: str) -> Page:
    """Return one document by its path."""
    return next(found for found in pages() if found.name == name)


def blocks(language: str, use: str) -> list[tuple[str, str]]:
    """Return page and text of every block that begins with these two words."""
    return [
        (found.name, block.text)
        for found in pages()
        for block in found.blocks
        if block.language == language and block.use == use
    ]

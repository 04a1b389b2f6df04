"""Every link leads somewhere, and nothing of the machine it was written on stands in a document."""

import re
from itertools import pairwise
from pathlib import PurePosixPath

import pytest

from tests.docs.pages import ROOT, page, pages


def test_relative_links_and_anchors_resolve(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            broken = []
            for link in found.links:
                if link.startswith("https://"):
                    continue
                target, _, anchor = link.partition("#")
                path = (ROOT / PurePosixPath(found.name).parent / target).resolve() if target else ROOT / found.name
                if not path.exists() or (anchor and anchor not in page(str(path.relative_to(ROOT))).anchors):
                    broken.append(link)
            assert broken == []


def test_headings_of_a_page_make_different_anchors(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            assert len(set(found.anchors)) == len(found.headings)


def test_one_title_and_no_skipped_level(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            levels = [level for level, _ in found.headings]
            assert levels.count(1) == 1
            assert levels[0] == 1
            assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_block_is_closed_and_names_its_language(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            assert found.text.count("```") == 2 * len(found.blocks)
            assert all(block.language for block in found.blocks)


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    reached = {"README.md"}
    waiting = ["README.md"]
    while waiting:
        here = page(waiting.pop())
        for link in here.links:
            target = link.partition("#")[0]
            if link.startswith("https://") or not target.endswith(".md"):
                continue
            name = str((ROOT / PurePosixPath(here.name).parent / target).resolve().relative_to(ROOT))
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    assert {found.name for found in pages() if found.name.startswith("docs/")} <= reached


def test_examples_name_no_real_account_host_or_path(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            accounts = set(re.findall(r"\b[0-9]{12}\b", found.text))
            # The registries', and one whose builds ask for tokens.
            assert accounts <= {"111122223333", "444455556666", "777788889999"}
            assert not re.search(r"/(?:home|root|tmp|Users)/", found.text)


def test_one_sentence_a_line(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            # A change of one sentence is then a change of one line. Figures are written by a program.
            lines = [line for line in found.prose.splitlines() if not line.lstrip().startswith(("|", "#"))]
            texts = [re.sub(r"^ *(?:[-*]|[0-9]+\.) ", "", line) for line in lines]
            if found.name != "docs/performance.md":
                assert [text for text in texts if re.search(r"[A-Za-z0-9`)][.?] (?=[A-Z`\[])", text)] == []

"""`docs/errors.md` is what answers lead to: it explains every reason, and none that there is not."""

import re

import pytest

from tests.docs.pages import page
from token_exchange.core.refusals import MEANINGS, Reason

ERRORS = page("docs/errors.md")


def test_every_reason_has_exactly_one_section_and_no_section_lacks_a_reason() -> None:
    titles = [title for level, title in ERRORS.headings if level == 3]
    assert sorted(titles) == sorted(f"`{reason}`" for reason in Reason)


@pytest.mark.parametrize("reason", Reason)
def test_an_answers_link_leads_to_the_section(reason: Reason) -> None:
    assert reason.value in ERRORS.anchors


@pytest.mark.parametrize("reason", Reason)
def test_a_section_says_status_code_fault_cause_and_what_to_do(reason: Reason) -> None:
    section = ERRORS.section(f"`{reason}`")
    meaning = MEANINGS[reason]
    assert f"- **Answer**: {meaning.status} `{meaning.error}`.\n" in section
    assert re.findall(r"^- \*\*([^*]+)\*\*: \S", section, re.MULTILINE) == ["Answer", "Whose fault", "Cause", "Do"]


def test_answers_without_a_reason_are_listed() -> None:
    rows = ERRORS.table("Answers without a reason")
    assert {row[0] for row in rows} == {"403", "413", "429", "431", "500", "503"}

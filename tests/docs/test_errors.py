"""`docs/errors.md` is what answers lead to: it explains every reason, and none that there is not."""

import re
from typing import get_args

import pytest

from tests.docs.pages import code_in, page
from token_exchange.core.refusals import Reason
from token_exchange.reporting.reasons import MEANINGS, Fault

ERRORS = page("docs/errors.md")


def test_the_picture_of_a_decision_names_reasons() -> None:
    (picture,) = [block.text for block in page("docs/policy.md").blocks if block.language == "mermaid"]
    shown = [text for label in re.findall(r'r[0-9]\["(.*?)"\]', picture) for text in label.split(", ") if text != "…"]
    assert len(shown) > 9
    assert set(shown) <= set(Reason)


def test_reasons_and_sections_are_one_to_one() -> None:
    titles = [title for level, title in ERRORS.headings if level == 3]
    assert sorted(titles) == sorted(f"`{reason}`" for reason in Reason)


def test_an_answers_link_leads_to_the_section(subtests: pytest.Subtests) -> None:
    for reason in Reason:
        with subtests.test(reason=reason):
            assert reason.value in ERRORS.anchors


def test_a_section_has_status_fault_cause_and_advice(subtests: pytest.Subtests) -> None:
    for reason in Reason:
        with subtests.test(reason=reason):
            section = ERRORS.section(f"`{reason}`")
            meaning = MEANINGS[reason]
            assert f"- **Answer**: {meaning.status} `{meaning.error}`.\n" in section
            assert re.findall(r"^- \*\*([^*]+)\*\*: \S", section, re.MULTILINE) == [
                "Answer",
                "Whose fault",
                "Cause",
                "Do",
            ]


def test_answers_without_a_reason_are_listed() -> None:
    rows = ERRORS.table("Answers without a reason")
    assert {row[0] for row in rows} == {"403", "413", "429", "431", "500", "503"}


def test_the_page_of_metrics_has_the_fault_of_each_reason() -> None:
    rows = [row for row in page("docs/audit.md").table("Metrics") if len(row) == 3]
    said = {code_in(fault)[0]: set(code_in(reasons)) & set(Reason) for fault, _, reasons in rows}
    assert said.keys() == set(get_args(Fault.__value__))
    for fault in ("outsider", "issuer", "role-owner", "upstream", "service"):
        assert said[fault] == {reason for reason, meaning in MEANINGS.items() if meaning.fault == fault}
    assert said["unverified"] == {Reason.POLICY_UNAVAILABLE}

"""The page on the live check asks what the check asks, and expects what it expects."""

import re

from tests.docs.pages import ROOT, page


def test_the_questions_are_those_of_the_check() -> None:
    source = (ROOT / "live_check/questions.py").read_text("utf-8")
    asked = re.findall(r'question="([^"]+)",.*?expected=(None|"yes"|"no")', source, re.DOTALL)
    told = [(row[0], row[1]) for row in page("docs/operations.md").table("See it in your own account")]
    said = {"None": "nothing depends on it", '"yes"': "yes", '"no"': "no"}
    assert told == [(question, said[expected]) for question, expected in asked]

"""Lints small policies, for tests that read as stories."""

import json
from datetime import date

from tests.loading.documents import Document, document
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import spelled_path
from token_exchange_cli.lint.finding import Finding, Subject
from token_exchange_cli.lint.linter import warnings

TODAY = date(2026, 11, 21)


def lint(found: Document, *, today: date = TODAY) -> list[Finding]:
    policy = load_policy(json.dumps(found).encode(), name="p", read_file=None)
    return list(warnings(Subject(policy=policy, today=today)))


def codes(found: Document, *, today: date = TODAY) -> list[str]:
    return [finding.code for finding in lint(found, today=today)]


def check(code: str, where: str, dangerous: Document, careful: Document) -> None:
    """Assert that `dangerous` has the danger `code` there, and `careful`, which looks like it, has not."""
    found = [finding for finding in lint(dangerous) if finding.code == code]
    assert [spelled_path(finding.path) for finding in found][:1] == [where]
    assert all(finding.severity == "warning" and finding.message and finding.suggestion for finding in found)
    assert code not in codes(careful)


__all__ = ["check", "codes", "document", "lint"]

"""Lints small policies, for tests that read as stories."""

import json
from datetime import date

from tests.policy.documents import Document, document
from token_exchange.policy.load import load_policy
from token_exchange_cli.lint.finding import Finding, Subject
from token_exchange_cli.lint.linter import warnings

TODAY = date(2026, 11, 21)


def lint(found: Document, *, today: date = TODAY) -> list[Finding]:
    policy = load_policy(json.dumps(found).encode(), name="p", read_file=None)
    return list(warnings(Subject(policy=policy, today=today)))


def codes(found: Document, *, today: date = TODAY) -> list[str]:
    return [finding.code for finding in lint(found, today=today)]


__all__ = ["codes", "document", "lint"]

"""Runs with untrusted triggers, and logins without limits."""

import pytest

from tests.cli.lint.lint import check
from tests.cli.lint.policies import (
    policy,
    push,
    stored,
)
from tests.loading.documents import Document, grant

CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "outsiders-push", "grants[0].allow_untrusted_triggers",
        policy(push(allow_untrusted_triggers=True)),
        policy(grant(allow_untrusted_triggers=True)),
    ),
    (
        "outsiders-get-a-stored-login", "grants[0].allow_untrusted_triggers",
        policy(stored(allow_untrusted_triggers=True)),
        policy(stored(allow_untrusted_triggers=False)),
    ),
    ("stored-login-for-all", "grants[0]", policy(stored(match=None)), policy(stored(claims={"ref": "refs/heads/x"}))),
    ("web-identity", "grants[0].assume", policy(grant(assume="web-identity")), policy(grant(assume="broker"))),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)

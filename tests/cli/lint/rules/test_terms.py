"""Time and size."""

import pytest

from tests.cli.lint.lint import check, lint
from tests.cli.lint.policies import CIRCLECI, CIRCLECI_VARIABLE, policy, push
from tests.core.decisions import terms
from tests.loading.documents import Document, grant, load
from token_exchange.core.reach import reach_of
from token_exchange.core.refusals import Refused
from token_exchange.core.session import session_policy

CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "single-use-of-an-only-token", "grants[0].single_use",
        policy(grant(issuers=["gitlab"], single_use=True)),
        policy(grant(single_use=True)),
    ),
    (
        "single-use-of-an-only-token", "grants[0].single_use",
        policy(grant(issuers=["circleci"], single_use=True), circleci=CIRCLECI_VARIABLE),
        policy(grant(issuers=["circleci"], single_use=True), circleci=CIRCLECI),
    ),
    ("outlives-its-session", "grants[0].duration", policy(grant(duration="61m")), policy(grant(duration="60m"))),
    ("expired", "grants[0].expires", policy(grant(expires="2026-11-20")), policy(grant(expires="2026-12-22"))),
    ("expires-soon", "grants[0].expires", policy(grant(expires="2026-12-21")), policy(grant(expires="2027-11-21"))),
    (
        "session-policy-nearly-full", "grants[0].repositories",
        policy(grant(repositories=[f"{'x' * 60}-{number}" for number in range(16)])),
        policy(grant(repositories=[f"{'x' * 60}-{number}" for number in range(6)])),
    ),
    (
        "session-policy-nearly-full", "grants[0].repositories",
        policy(push(repositories=[f"ci/{{repository}}/{number}" for number in range(8)])),
        policy(push(repositories=["ci/{repository}", "ci/{repository}/*"])),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_message_names_the_length_that_no_longer_fits() -> None:
    found = policy(push(repositories=[f"ci/{{repository}}/{number}" for number in range(8)]))
    (finding,) = [one for one in lint(found) if one.code == "session-policy-nearly-full"]
    assert finding.message.endswith("with values of more than 149 characters it no longer fits")
    loaded = load(found)
    (taken,) = loaded.grants
    (fits, does_not) = (
        reach_of(terms(taken), loaded.issuers["github"].preset, {"repository": f"n/{'x' * (length - 2)}"})
        for length in (149, 150)
    )
    assert session_policy(taken.registry, fits, until=1_800_000_000)
    with pytest.raises(Refused):
        session_policy(taken.registry, does_not, until=1_800_000_000)

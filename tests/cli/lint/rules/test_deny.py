"""Deny rules that stop less than they seem to."""

import pytest

from tests.cli.lint.lint import check, lint
from tests.cli.lint.policies import (
    BITRISE,
    BUILDKITE,
    denies,
    policy,
)
from tests.loading.documents import Document, changed
from token_exchange.core.ports import Json

PRESENT: list[Json] = [{"not": "push"}, {"not_like": "p*"}, {"exists": True}]
CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "denied-by-name", "deny[0].match.repository",
        policy(deny=denies(match={"repository": "nordlicht/kompass"})),
        policy(deny=denies(match={"repository": "nordlicht/kompass", "repository_id": "7"})),
    ),
    (
        "denied-by-name", "deny[0].match.actor",
        policy(deny=denies(match={"actor": "mallory"})),
        policy(deny=denies(match={"actor_id": "7"})),
    ),
    (
        "deny-never-fires", "deny[0].match.event",
        policy(deny=[{"name": "stop", "match": {"event": "schedule"}}]),
        policy(deny=denies(match={"event": "schedule"})),
    ),
    *(
        (
            "deny-never-fires", "deny[0].match.event",
            policy(deny=[{"name": "stop", "match": {"event": wanted}}]),
            policy(deny=[{"name": "stop", "match": {"event": {"exists": False}, "branch": "main"}}]),
        )
        for wanted in PRESENT
    ),
    (
        # a token in which it is a number is refused before; of the other's claims nothing is known
        "deny-never-fires", "deny[0].claims.sha",
        policy(deny=denies(issuers=["github", "own"], claims={"sha": 7})),
        policy(deny=denies(issuers=["own"], claims={"sha": 7})),
    ),
    (
        "deny-never-fires", "deny[0].match.actor",
        policy(deny=denies(match={"actor": {"like": "x*", "exists": False}})),
        policy(deny=denies(match={"actor": {"like": "x*", "exists": True}})),
    ),
    (
        "deny-never-fires", "deny[0]",
        policy(deny=denies(match={"branch": "main", "tag": "main"})),
        policy(deny=denies(match={"branch": "main", "ref": "refs/heads/main"})),
    ),
    (
        "denied-by-name", "deny[0].claims.actor",
        policy(deny=denies(claims={"actor": "mallory"})),
        policy(deny=denies(claims={"actor_id": "7"})),
    ),
    (
        "glob-stops-at-slash", "deny[0].match.branch",
        policy(deny=denies(match={"branch": {"like": "wild/*"}})),
        policy(deny=denies(match={"branch": {"like": "wild/**"}})),
    ),
    (
        "denied-without-sub-groups", "deny[0].match.organization",
        policy(deny=denies(issuers=["gitlab"], match={"organization": "werft", "organization_id": "1"})),
        policy(deny=denies(match={"organization": "nordlicht", "organization_id": "1"})),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_issuers_lacking_a_name_share_one_finding() -> None:
    found = changed(policy(deny=[{"name": "stop", "match": {"repository_id": "7"}}]), "issuers.bitrise", BITRISE)
    (finding,) = lint(changed(found, "issuers.buildkite", BUILDKITE))
    assert "no token of bitrise, buildkite can meet this" in finding.message


def test_a_negation_in_a_deny_rule_stops_more_not_less() -> None:
    (finding,) = lint(policy(deny=denies(match={"branch": {"not_like": "live/*"}})))
    assert "the rule stops it too" in finding.message

from itertools import islice

from tests.ci_claims import NOON, caller_of, github_claims
from tests.core.decisions import wants
from tests.loading.documents import changed, document, grant, load
from token_exchange.core.evaluate import explain_grant, failed_checks, failed_conditions


def test_failed_checks_name_their_place() -> None:
    policy = load(document(grant(match={"branch": "dev", "event": "push", "tag": "v1"})))
    caller = caller_of(policy, "github", github_claims())
    assert [*failed_conditions(policy.grants[0].conditions, caller)] == [0, 2]


def test_every_check_that_fails_is_reported() -> None:
    found = changed(
        document(grant(expires="2026-01-01", session_tags={"a": "{tag}"}, repositories=["{tag}"])),
        "issuers.github.mode",
        "report",
    )
    policy = load(found)
    caller = caller_of(policy, "github", github_claims(event_name="fork"))
    rules = [failed.rule for failed in explain_grant(policy.grants[0], caller, ()).failed]
    assert rules == ["allow_untrusted_triggers", "expires", "session_tags", "repositories", "mode"]


def test_a_scope_is_checked_only_where_the_grant_applies() -> None:
    policy = load(document(grant(mode="report"), grant(name="over", mode="report", expires="2026-01-01")))
    caller = caller_of(policy, "github", github_claims(), now=NOON)
    checked = [[failed.rule for failed in failed_checks(one, caller, wants("else/x"))] for one in policy.grants]
    assert checked == [["scope", "mode"], ["expires", "mode"]]


def test_the_templates_of_a_failing_grant_are_not_filled() -> None:
    policy = load(document(grant(match={"branch": "dev"}, repositories=["{tag}"])))
    (only,) = explain_grant(policy.grants[0], caller_of(policy, "github", github_claims(), now=NOON), ()).failed
    assert only.claim == "branch"


def test_the_first_failed_check_can_be_taken_first() -> None:
    policy = load(document(grant(match={"branch": "dev", "event": "release"})))
    checks = failed_checks(policy.grants[0], caller_of(policy, "github", github_claims()), ())
    assert [failed.claim for failed in islice(checks, 1)] == ["branch"]

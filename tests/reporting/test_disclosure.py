from typing import get_args

import pytest

from tests.attempts import attempt_of, record_of, record_of_caller
from tests.ci_claims import github_claims
from tests.core.decisions import asked
from tests.core.decisions import wants as scope_of
from tests.loading.documents import Document, changed, document, grant
from token_exchange.core.decision import DenialReason, Denied
from token_exchange.core.evaluate import FailedCheck, Rule
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.disclosure import (
    considered_fields,
    description_of,
    disclosure,
    failed_check_fields,
    hint_of_denial,
    hint_of_refusal,
    identity_fields,
    own_grants,
    report_only_awards,
    requirement_text,
)
from token_exchange.reporting.reasons import MEANINGS
from token_exchange.reporting.safe_text import cut

OUTSIDER = github_claims(event_name="pull_request_target")
OTHER: dict[str, Json] = {"match": {"branch": "other"}}


def _record(*grants: Document, claims: dict[str, Json] | None = None, **more: Json) -> AuditRecord:
    return record_of(*asked(document(*grants, **more), claims))


def _denied(record: AuditRecord) -> Denied:
    assert isinstance(record.attempt.decision, Denied)
    return record.attempt.decision


def _claim(claim: str | list[str], expected: Json, found: Json) -> FailedCheck:
    return FailedCheck(claim=claim, rule=None, expected=expected, found=found)


def _rule(rule: Rule, expected: Json, found: Json = None) -> FailedCheck:
    return FailedCheck(claim=None, rule=rule, expected=expected, found=found)


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (_claim("branch", ["main"], "x"), "wants branch main, the token has x"),
        (_claim("branch", ["main", "release"], None), "wants branch main or release, the token has none"),
        (_claim("tag", {"like": ["v*"]}, None), "wants tag like v*, the token has none"),
        (
            _claim(["kubernetes.io", "namespace"], ["ci"], "x"),
            "wants kubernetes.io → namespace ci, the token has x",
        ),
        (_claim("protected", [True], found=False), "wants protected true, the token has false"),
        (_claim("build", [7], 8.5), "wants build 7, the token has 8.5"),
        (_claim("teams", ["a"], ["b", "c"]), "wants teams a, the token has b or c"),
        (_claim("branch", ["main"], "x" * 300), f"wants branch main, the token has {'x' * 100}…"),
        (_claim("branch", ["y" * 300], "x"), f"wants branch {'y' * 300}"[: len("wants branch ") + 100]),
        (
            FailedCheck(claim="origin", rule="must_match", expected="matched by a condition of the grant", found="x"),
            "wants origin to be matched by a condition of the grant, the token has x",
        ),
        (_rule("expires", "2020-01-01"), "counted until 2020-01-01"),
        (_rule("scope", "repository:a:pull"), "holds repository:a:pull"),
        (_rule("mode", "enforce", "report"), "is in report mode"),
        (_rule("allow_untrusted_triggers", expected=True), "wants allow_untrusted_triggers true"),
    ],
)
def test_the_nearest_grants_requirement_is_in_words(failed: FailedCheck, words: str) -> None:
    assert requirement_text(failed).startswith(words)


def test_a_text_of_just_the_most_characters_is_whole() -> None:
    assert requirement_text(_claim("branch", ["main"], "x" * 100)).endswith("x")


def test_a_failed_check_shows_only_the_beginning_of_a_value() -> None:
    fields = failed_check_fields(_claim("c" * 9999, ["main"], "x" * 9999))
    assert fields["claim"] == cut("c" * 9999)
    assert fields["found"] == cut("x" * 9999)
    assert len(str(fields)) < 1000


def test_a_missing_name_is_not_a_claim_of_a_condition() -> None:
    record = _record(grant(session_tags={"who": "{environment}"}))
    assert description_of(_denied(record), record).endswith(
        "'reader' wants environment exists true, the token has none"
    )
    assert considered_fields(record) == {
        "considered": [
            {
                "grant": "reader",
                "failed": [{"claim": "environment", "rule": "session_tags", "expected": {"exists": True}}],
            }
        ]
    }


# ------------------------------------------------------------------------------------------------- who is told what

DENIALS: dict[DenialReason, AuditRecord] = {
    Reason.ORGANIZATION_NOT_ALLOWED: _record(grant(), claims=github_claims(repository_owner="stranger")),
    Reason.DENIED: _record(grant(), deny=[{"name": "lost", "match": {"branch": "main"}}]),
    Reason.UNKNOWN_REGISTRY: record_of(*asked(document(), registries=("nowhere",))),
    Reason.UNKNOWN_GRANT: record_of(*asked(document(), grant_name="unknown")),
    Reason.AMBIGUOUS_REGISTRY: record_of(
        *asked(document(grant(), grant(name="second", registry="base")), scope=scope_of("base/x"))
    ),
    Reason.UNTRUSTED_TRIGGER: _record(grant(), grant(name="trial", mode="report"), claims=OUTSIDER),
    Reason.SCOPE_EXCEEDS_GRANT: record_of(*asked(document(), scope=scope_of("elsewhere/x"))),
    Reason.NO_MATCHING_GRANT: _record(grant(**OTHER)),
}


@pytest.mark.parametrize("reason", get_args(DenialReason.__value__))
def test_each_denial_shows_no_more_than_allowed(reason: DenialReason) -> None:
    record = DENIALS[reason]
    denied = _denied(record)
    assert denied.reason is reason
    shows_grants = reason in {Reason.SCOPE_EXCEEDS_GRANT, Reason.NO_MATCHING_GRANT}
    assert bool(identity_fields(record.attempt)) is (reason is not Reason.ORGANIZATION_NOT_ALLOWED)
    assert bool(own_grants(record).own) is shows_grants
    assert bool(considered_fields(record)) is shows_grants
    assert ("reader" in description_of(denied, record)) is shows_grants
    assert disclosure(record.attempt) == (
        "own-grants" if shows_grants else "nothing" if reason is Reason.ORGANIZATION_NOT_ALLOWED else "identity"
    )


def test_the_record_has_the_nearest_in_any_case() -> None:
    for reason in (Reason.UNTRUSTED_TRIGGER, Reason.AMBIGUOUS_REGISTRY, Reason.NO_MATCHING_GRANT):
        assert "reader" in {considered.grant.name for considered in DENIALS[reason].considered}


def test_an_outsiders_granted_run_sees_no_grant() -> None:
    open_grant = grant(name="open", allow_untrusted_triggers=True)
    trial = grant(name="trial", mode="report", allow_untrusted_triggers=True)
    outsider, member = (_record(trial, open_grant, grant(**OTHER), claims=claims) for claims in (OUTSIDER, None))
    assert not isinstance(outsider.attempt.decision, Denied)
    assert identity_fields(outsider.attempt) != {}
    assert considered_fields(outsider) == {}
    assert list(report_only_awards(outsider.attempt)) == []
    assert considered_fields(member) != {}
    assert [award.grant.name for award in report_only_awards(member.attempt)] == ["trial"]


def test_an_outsider_of_another_organization_sees_nothing() -> None:
    record = _record(grant(), claims={**OUTSIDER, "repository_owner": "stranger"})
    assert disclosure(record.attempt) == "nothing"
    assert identity_fields(record.attempt) == {}


def test_without_own_grants_the_text_is_the_reasons() -> None:
    record = _record(grant(match={"repository": "nordlicht/secret"}, contact="#secret"))
    denied = _denied(record)
    assert description_of(denied, record) == "no grant allows this"
    assert considered_fields(record) == {"considered_not_shown": 1}
    assert hint_of_denial(denied, record) == MEANINGS[denied.reason].hint


def test_the_contact_of_a_grant_is_shown_with_the_grant() -> None:
    record = _record(grant(contact="#platform", **OTHER))
    assert hint_of_denial(_denied(record), record).endswith("; contact: #platform")
    assert hint_of_refusal(Reason.ROLE_REFUSED, ()) == MEANINGS[Reason.ROLE_REFUSED].hint


def test_report_mode_is_named_in_the_hint() -> None:
    found = changed(document(grant()), "issuers.github.mode", "report")
    record = record_of(*asked(found))
    assert "report mode" in hint_of_denial(_denied(record), record)


def test_before_a_decision_nothing_is_shown() -> None:
    policy, caller, _ = asked(document(grant()))
    identified = record_of_caller(policy, caller)
    assert disclosure(identified.attempt) == "nothing"
    record = AuditRecord(attempt=attempt_of())
    assert disclosure(record.attempt) == "nothing"
    assert identity_fields(record.attempt) == {}
    assert considered_fields(record) == {}
    assert list(report_only_awards(record.attempt)) == []

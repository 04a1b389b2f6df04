from tests.ci_claims import NOON, caller_of, github_claims
from tests.core.decisions import terms
from tests.loading.documents import changed, document, grant, load
from token_exchange.core.evaluate import applies, conditions_failed, fit, look_at, session_texts


def test_failed_checks_name_their_place() -> None:
    policy = load(document(grant(match={"branch": "dev", "event": "push", "tag": "v1"})))
    caller = caller_of(policy, "github", github_claims())
    assert conditions_failed(policy.grants[0], caller) == [0, 2]
    assert not applies(policy.grants[0], caller)


def test_every_check_that_fails_is_reported() -> None:
    found = changed(
        document(grant(expires="2026-01-01", session_tags={"a": "{tag}"}, repositories=["{tag}"])),
        "issuers.github.mode",
        "report",
    )
    policy = load(found)
    caller = caller_of(policy, "github", github_claims(event_name="fork"))
    rules = [shortfall.rule for shortfall in look_at(policy.grants[0], caller, ()).failed]
    assert rules == ["allow_untrusted_triggers", "expires", "session_tags", "repositories", "mode"]
    assert not fit(policy.grants[0], caller, ()).applies


def test_the_templates_of_a_failing_grant_are_not_filled() -> None:
    policy = load(document(grant(match={"branch": "dev"}, repositories=["{tag}"])))
    (only,) = look_at(policy.grants[0], caller_of(policy, "github", github_claims(), now=NOON), ()).failed
    assert only.claim == "branch"


def test_texts_of_the_session_are_filled_in_as_they_stand() -> None:
    spelled = grant(session_tags={"who": "{actor}/{ref_protected}", "fixed": "x"}, source_identity="{run_id}")
    policy = load(
        document(spelled, grant(name="standard"), grant(name="none", session_tags=False, source_identity=False))
    )
    caller = caller_of(policy, "github", github_claims(actor="{run_id}"))
    assert session_texts(terms(policy.grants[0]), caller) == ({"who": "{run_id}/true", "fixed": "x"}, "7000000001")
    assert session_texts(terms(policy.grants[1]), caller) == (None, None)
    assert session_texts(terms(policy.grants[2]), caller) == (None, None)

import pytest

from tests.attempts import attempt_of
from tests.doubles import grant, policy_text
from token_exchange.core.decision import Denied
from token_exchange.core.evaluate import Considered, Rule, Shortfall
from token_exchange.core.ports import Json
from token_exchange.core.refusals import MEANINGS, Reason
from token_exchange.loading.load import load_policy
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.disclosure import considered_fields, description_of, hint_of, identity_fields

GRANT = load_policy(policy_text([grant("own", contact="#platform")]).encode(), name="p", read_file=None).grants[0]


def _denied(*failed: Shortfall, reason: Reason = Reason.NO_MATCHING_GRANT) -> Denied:
    return Denied(reason=reason, description="no grant allows this", shown=(Considered(grant=GRANT, failed=failed),))


def _claim(claim: str | list[str], expected: Json, found: Json) -> Shortfall:
    return Shortfall(claim=claim, rule=None, expected=expected, found=found)


def _rule(rule: Rule, expected: Json, found: Json = None) -> Shortfall:
    return Shortfall(claim=None, rule=rule, expected=expected, found=found)


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (_claim("branch", ["main"], "x"), "wants branch main, the token has x"),
        (_claim("branch", ["main", "release"], None), "wants branch main or release, the token has none"),
        (_claim("tag", {"like": ["v*"]}, None), "wants tag like v*, the token has none"),
        (_claim(["kubernetes.io", "namespace"], ["ci"], "x"), "wants kubernetes.io → namespace ci, the token has x"),
        (_claim("protected", [True], found=False), "wants protected true, the token has false"),
        (_claim("build", [7], 8.5), "wants build 7, the token has 8.5"),
        (_claim("teams", ["a"], ["b", "c"]), "wants teams a, the token has b or c"),
        (_claim("branch", ["main"], "x" * 300), f"wants branch main, the token has {'x' * 100}…"),
        (_claim("branch", ["y" * 300], "x"), f"wants branch {'y' * 300}"[: len("wants branch ") + 100]),
        (
            Shortfall(claim="origin", rule="must_match", expected="matched by a condition of the grant", found="x"),
            "wants origin to be matched by a condition of the grant, the token has x",
        ),
        (_rule("expires", "2020-01-01"), "counted until 2020-01-01"),
        (_rule("scope", "repository:a:pull"), "holds repository:a:pull"),
        (_rule("mode", "enforce", "report"), "is in report mode"),
        (_rule("allow_untrusted_triggers", expected=True), "wants allow_untrusted_triggers true"),
    ],
)
def test_the_nearest_grant_says_in_words_what_it_wants(failed: Shortfall, words: str) -> None:
    assert description_of(_denied(failed)).startswith(f"no grant allows this: 'own' {words}")


def test_a_missing_name_is_not_a_claim_of_a_condition() -> None:
    shortfall = Shortfall(claim="actor", rule="session_tags", expected={"exists": True}, found=None)
    assert description_of(_denied(shortfall)).endswith("wants actor exists true, the token has none")
    assert considered_fields(_denied(shortfall)) == {
        "considered": [
            {"grant": "own", "failed": [{"claim": "actor", "rule": "session_tags", "expected": {"exists": True}}]}
        ]
    }


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.UNTRUSTED_TRIGGER, Reason.AMBIGUOUS_REGISTRY])
def test_other_denials_keep_their_own_words(reason: Reason) -> None:
    assert description_of(_denied(_claim("branch", ["main"], "x"), reason=reason)) == "no grant allows this"


def test_without_grants_to_show_nothing_is_said() -> None:
    denied = Denied(reason=Reason.NO_MATCHING_GRANT, description="no grant allows this")
    assert description_of(denied) == "no grant allows this"
    assert considered_fields(denied) == {}
    assert hint_of(denied.reason, denied.shown) == MEANINGS[denied.reason].hint


def test_the_owner_of_a_grant_is_told_where_it_is_shown() -> None:
    shown = _denied(_claim("branch", ["main"], "x")).shown
    assert hint_of(Reason.NO_MATCHING_GRANT, shown).endswith("; contact: #platform")
    assert "report mode" in hint_of(Reason.NO_MATCHING_GRANT, shown, in_report_mode=True)


def test_without_a_caller_there_is_no_identity() -> None:
    assert identity_fields(AuditRecord(attempt=attempt_of())) == {}

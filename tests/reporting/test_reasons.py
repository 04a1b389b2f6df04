import re

import pytest

from token_exchange.core.refusals import Reason
from token_exchange.reporting.reasons import MEANINGS, fault_of

# The table of statuses in the description of the interface, which clients were written against.
TABLE = {
    (400, "invalid_request"): "malformed-request two-tokens repeated-parameter unsupported-token-type unknown-format",
    (400, "unsupported_grant_type"): "unsupported-grant-type",
    (400, "invalid_target"): "unknown-registry ambiguous-registry unknown-grant",
    (400, "invalid_scope"): "malformed-scope scope-exceeds-grant",
    (401, "invalid_token"): (
        "missing-token malformed-token token-too-large unsupported-algorithm unknown-issuer wrong-audience unknown-key "
        "bad-signature missing-claim invalid-claim expired not-yet-valid lifetime-too-long replayed"
    ),
    (403, "access_denied"): "organization-not-allowed denied untrusted-trigger no-matching-grant",
    (404, "invalid_request"): "not-found",
    (405, "invalid_request"): "method-not-allowed",
    (413, "invalid_request"): "body-too-large",
    (415, "invalid_request"): "unsupported-media-type",
    (429, "temporarily_unavailable"): "too-many-requests",
    (500, "server_error"): "internal-error",
    (502, "server_error"): "role-refused registry-refused secret-refused misconfigured",
    (503, "temporarily_unavailable"): (
        "issuer-unavailable aws-throttled aws-unavailable policy-unavailable state-unavailable deadline-exceeded"
    ),
}


def test_the_reasons_are_those_of_the_interface() -> None:
    assert sorted(" ".join(TABLE.values()).split()) == sorted(Reason)


def test_each_reason_means_what_the_interface_says(subtests: pytest.Subtests) -> None:
    for status, error, reason in [
        (status, error, reason) for (status, error), reasons in TABLE.items() for reason in reasons.split()
    ]:
        with subtests.test(status=status, error=error, reason=reason):
            meaning = MEANINGS[Reason(reason)]
            assert (meaning.status, meaning.error) == (status, error)


def test_each_reason_has_a_code_and_a_hint_in_one_line(subtests: pytest.Subtests) -> None:
    for reason in Reason:
        with subtests.test(reason=reason):
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)
            hint = MEANINGS[reason].hint
            assert hint.isprintable()
            assert not hint.endswith(".")


def test_a_refusal_below_500_is_never_the_services_fault(subtests: pytest.Subtests) -> None:
    for reason in Reason:
        with subtests.test(reason=reason):
            meaning = MEANINGS[reason]
            assert (meaning.fault in {"caller", "issuer", "outsider"}) is (meaning.status < 500)
            assert meaning.fault != "unverified"
            assert fault_of(reason, is_proven=True) == meaning.fault


def test_failures_before_the_signature_are_unverified(subtests: pytest.Subtests) -> None:
    for reason in Reason:
        with subtests.test(reason=reason):
            expected = "service" if reason is Reason.POLICY_UNAVAILABLE else "unverified"
            assert fault_of(reason, is_proven=False) == expected

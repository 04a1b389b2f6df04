"""A grant for CircleCI has to say where the code may come from: nothing else tells a fork's job."""

import pytest

from tests.attempts import record_of
from tests.ci_jobs import issuer_of, job_claims
from tests.core.decisions import asked, decided, denied, granted, nearest, winners
from tests.loading.documents import Document, document, grant
from token_exchange.core.decision import Denied
from token_exchange.core.evaluate import FailedCheck
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.reporting.disclosure import description_of, failed_check_fields

AT = "oidc.circleci.com/"
ORIGIN = f"{AT}vcs-origin"
PROJECT = "d3907c5e-1ab8-4f26-8e74-b95a60c2f1d7"
FORK = job_claims("circleci", "fork")

ISSUERS: Document = {
    "circleci": {
        "provider": "circleci",
        "issuer": issuer_of("circleci"),
        "audience": "https://exchange.acme.example",
        "organizations": [{"id": "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"}],
    },
}


def policy(*grants: Document) -> Document:
    return document(*grants, issuers=ISSUERS)


@pytest.mark.parametrize(
    "conditions",
    [
        {"match": {"repository": "acme/shop"}},
        {"match": {"repository": ["x/y", "acme/shop"]}},
        {"match": {"repository": {"like": "acme/*"}}},
        {"claims": {ORIGIN: "github.com/acme/shop"}},
        {"claims": {ORIGIN: {"like": "github.com/acme/*", "not": "github.com/acme/legacy"}}},
    ],
)
def test_a_grant_that_says_where_the_code_is_from(conditions: Document) -> None:
    found = policy(grant(issuers=["circleci"], **conditions))
    assert winners(decided(found, job_claims("circleci"), issuer="circleci")) == ["reader"]
    denied(decided(found, FORK, issuer="circleci"), Reason.NO_MATCHING_GRANT)


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"match": {"pipeline_id": PROJECT, "branch": "main"}},
        {"claims": {f"{AT}project-id": PROJECT}},
        # that there is one, or that it is not some other, holds for an outsider's fork too
        {"match": {"repository": {"exists": True}}},
        {"match": {"repository": {"not": "mallory/shop"}}},
        {"claims": {ORIGIN: {"not_like": "github.com/mallory/**"}}},
        {"claims": {ORIGIN: {"exists": True, "not": "x"}}},
    ],
)
def test_a_grant_that_does_not(conditions: Document) -> None:
    found = policy(grant(issuers=["circleci"], **conditions))
    for claims in (FORK, job_claims("circleci")):
        denied(decided(found, claims, issuer="circleci"), Reason.NO_MATCHING_GRANT)
        (considered,) = nearest(found, claims, issuer="circleci").own
        assert considered.failed == (
            FailedCheck(
                claim=ORIGIN, rule="must_match", expected="matched by a condition of the grant", found=claims[ORIGIN]
            ),
        )


def test_the_answer_names_the_missing_condition() -> None:
    found = policy(grant(issuers=["circleci"]))
    record = record_of(*asked(found, job_claims("circleci"), issuer="circleci"))
    assert isinstance(record.attempt.decision, Denied)
    assert description_of(record.attempt.decision, record) == (
        f"no grant allows this: 'reader' wants {ORIGIN} to be matched by a condition of the grant, "
        "the token has github.com/acme/shop"
    )
    (fields,) = (failed_check_fields(failed) for one in record.nearest().own for failed in one.failed)
    assert fields == {
        "claim": ORIGIN,
        "rule": "must_match",
        "expected": "matched by a condition of the grant",
        "found": "github.com/acme/shop",
    }


def test_a_custom_webhook_needs_a_condition_on_its_origin() -> None:
    webhook = job_claims("circleci", None, **{ORIGIN: None, f"{AT}vcs-ref": None})
    silent = policy(grant(issuers=["circleci"], match={"pipeline_id": PROJECT}))
    denied(decided(silent, webhook, issuer="circleci"), Reason.NO_MATCHING_GRANT)
    said = policy(grant(issuers=["circleci"], match={"pipeline_id": PROJECT}, claims={ORIGIN: {"exists": False}}))
    assert winners(decided(said, webhook, issuer="circleci")) == ["reader"]
    denied(decided(said, FORK, issuer="circleci"), Reason.NO_MATCHING_GRANT)


def test_the_next_grant_is_tried() -> None:
    silent = grant(issuers=["circleci"])
    said = grant(name="said", issuers=["circleci"], match={"repository": "acme/shop"})
    decision = granted(decided(policy(silent, said), job_claims("circleci"), issuer="circleci"))
    assert winners(decision) == ["said"]
    assert [one.grant.name for one in decision.tried] == ["reader"]


def test_others_need_no_such_condition() -> None:
    claims: dict[str, Json] = {**job_claims("buildkite"), "aud": "x"}
    issuers: Document = {
        "buildkite": {
            "provider": "buildkite",
            "audience": "https://exchange.acme.example",
            "organizations": [{"name": "acme"}],
        }
    }
    found = document(grant(issuers=["buildkite"]), issuers=issuers)
    assert winners(decided(found, claims, issuer="buildkite")) == ["reader"]

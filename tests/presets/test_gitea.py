import pytest

from tests.ci_jobs import issuer_of, job_claims
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import provider_named

PRESET = provider_named("gitea").preset({}, issuer_of("gitea"))


def vocabulary(**changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("gitea", None, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "41",
        "repository": "acme/shop",
        "repository_id": "401",
        "workflow": "images",
        "workflow_ref": "acme/shop/.gitea/workflows/images.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "branch": "main",
        "event": "push",
        "run_id": "7120",
        "actor": "ada",
        "actor_id": "5",
        "sha": "e7b4095d3c2f81a6d09e5b7c14f83a2690c6d8e5",
    }


@pytest.mark.parametrize("claim", ["repository_id", "repository_owner_id", "run_id"])
def test_a_token_without_a_marking_claim_is_refused(claim: str) -> None:
    with pytest.raises(Refused, match=f"claim {claim}: missing") as refused:
        vocabulary(**{claim: ""})
    assert refused.value.reason is Reason.MISSING_CLAIM


def test_a_reusable_workflow_has_its_own_claim() -> None:
    claims = job_claims("gitea", "reusable-workflow")
    assert claims["job_workflow_ref"] == "acme/ci/.gitea/workflows/images.yml@refs/tags/v3"
    found = identify(PRESET, claims)
    assert found.vocabulary["workflow_ref"] == "acme/shop/.gitea/workflows/images.yml@refs/heads/main"
    assert found.untrusted_trigger is None


def test_a_token_of_the_earlier_draft() -> None:
    workflow = "acme/shop/.gitea/workflows/images.yml@refs/heads/main"
    earlier: dict[str, Json] = {"job_workflow_ref": workflow, "ref_protected": "false", "base_ref": "", "head_ref": ""}
    found = vocabulary(**earlier, job_id=None, workflow_repository=None, workflow_repository_id=None)
    assert found == vocabulary()

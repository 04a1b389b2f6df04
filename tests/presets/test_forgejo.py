import pytest

from tests.ci_jobs import issuer_of, job_claims
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import provider_named

PRESET = provider_named("forgejo").preset({}, issuer_of("forgejo"))


def vocabulary(**changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("forgejo", None, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "31",
        "repository": "acme/shop",
        "repository_id": "301",
        "workflow": "images.yml",
        "workflow_ref": "acme/shop/.forgejo/workflows/images.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "branch": "main",
        "event": "push",
        "run_id": "6120",
        "actor": "ada",
        "actor_id": "5",
        "sha": "58e0c2b97d1f4a63b8c05e9d27f16a4830d7e5c1",
    }


@pytest.mark.parametrize("claim", ["workflow_ref"])
def test_a_token_without_a_marking_claim_is_refused(claim: str) -> None:
    with pytest.raises(Refused, match=f"claim {claim}: missing") as refused:
        vocabulary(**{claim: ""})
    assert refused.value.reason is Reason.MISSING_CLAIM


def test_versions_that_send_no_ids() -> None:
    found = vocabulary(repository_id=None, repository_owner_id=None, actor_id=None)
    assert not {"repository_id", "organization_id", "actor_id"} & found.keys()
    assert found["repository"] == "acme/shop"


def test_two_forms_of_one_subject_are_two_repositories() -> None:
    """An owner called acme-31 can have a repository shop-301, whose old form is the new one of acme/shop."""
    changes: dict[str, Json] = {"repository": "acme-31/shop-301", "repository_id": "9", "repository_owner_id": "8"}
    subject = job_claims("forgejo")["sub"]
    stranger = vocabulary(**changes, sub=subject)
    assert (stranger["repository"], stranger["repository_id"]) == ("acme-31/shop-301", "9")

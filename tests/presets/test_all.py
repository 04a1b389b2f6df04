"""Every CI system under the sandbox's policy, which a person would write: who gets in, and what one claim changes."""

from pathlib import Path

import pytest

from sandbox.policy import write_policy
from sandbox.providers import all_providers
from tests.ci_claims import NOON
from tests.ci_jobs import job_claims
from tests.core.decisions import denied, winners
from token_exchange.core.decision import AccessRequest, Decision, Denied, decide
from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.load import load_policy

PROVIDERS = all_providers()
CIRCLECI = "oidc.circleci.com/"
OTHER = "00000000-1111-4222-8333-444444444444"


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    folder = tmp_path_factory.mktemp("policy")
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    path: Path = write_policy(folder, issuer_port=8443)
    return load_policy(path.read_bytes(), name=path.name, read_file=lambda name: (folder / name).read_bytes())


def decided(policy: Policy, provider: str, claims: dict[str, Json]) -> Decision:
    issuer = policy.issuers[PROVIDERS[provider].entry.name]
    return decide(policy, caller_of(issuer, claims, now=NOON), AccessRequest(registries=("apps",)))


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_a_job_that_the_policy_is_for(policy: Policy, provider: str) -> None:
    claims = job_claims(provider, PROVIDERS[provider].shown.granted)
    entry = PROVIDERS[provider].entry.name
    expected = "own-images" if entry == "github" else f"own-images-{entry}"
    assert winners(decided(policy, provider, claims)) == [expected]


@pytest.mark.parametrize(
    ("provider", "changes", "reason"),
    [
        # the tenant
        ("circleci", {f"{CIRCLECI}org-id": OTHER}, Reason.INVALID_CLAIM),
        ("buildkite", {"organization_id": OTHER}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("buildkite", {"organization_slug": "globex"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("azure-devops", {"org_id": OTHER}, Reason.INVALID_CLAIM),
        ("google", {"email": "ci@globex.iam.gserviceaccount.com"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("google", {"email": "51-compute@developer.gserviceaccount.com"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("hcp-terraform", {"terraform_organization_id": "org-x"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("semaphore", {"org_id": OTHER}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("codefresh", {"account_id": "x"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("codefresh", {"platform_url": "https://codefresh.globex.example"}, Reason.INVALID_CLAIM),
        ("harness", {"account_id": "x"}, Reason.INVALID_CLAIM),
        ("forgejo", {"repository_owner_id": "32"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("forgejo", {"repository_owner_id": None}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("gitea", {"repository_owner_id": "42"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("vela", {"repo": "globex/shop"}, Reason.ORGANIZATION_NOT_ALLOWED),
        # the project, the branch, the account
        ("circleci", {f"{CIRCLECI}vcs-origin": "github.com/stranger/shop"}, Reason.NO_MATCHING_GRANT),
        ("circleci", {f"{CIRCLECI}vcs-origin": None}, Reason.NO_MATCHING_GRANT),
        ("circleci", {f"{CIRCLECI}vcs-ref": "refs/heads/x"}, Reason.NO_MATCHING_GRANT),
        ("buildkite", {"build_branch": "x"}, Reason.NO_MATCHING_GRANT),
        ("buildkite", {"build_tag": "main"}, Reason.NO_MATCHING_GRANT),
        ("azure-devops", {"def_id": "62"}, Reason.NO_MATCHING_GRANT),
        ("google", {"sub": "1"}, Reason.NO_MATCHING_GRANT),
        ("hcp-terraform", {"terraform_workspace_id": "ws-x"}, Reason.NO_MATCHING_GRANT),
        ("jenkins", {"sub": "https://jenkins.acme.example/job/shop/job/PR-7/"}, Reason.NO_MATCHING_GRANT),
        ("semaphore", {"ref": "refs/heads/x"}, Reason.NO_MATCHING_GRANT),
        ("codefresh", {"scm_repo_url": "https://github.com/stranger/shop"}, Reason.NO_MATCHING_GRANT),
        ("codefresh", {"scm_ref": "x"}, Reason.NO_MATCHING_GRANT),
        ("harness", {"pipeline_id": "x"}, Reason.NO_MATCHING_GRANT),
        ("harness", {"project_id": "x"}, Reason.NO_MATCHING_GRANT),
        ("spacelift", {"callerType": "module"}, Reason.NO_MATCHING_GRANT),
        ("spacelift", {"scope": "read"}, Reason.NO_MATCHING_GRANT),
        ("forgejo", {"ref": "refs/heads/x"}, Reason.NO_MATCHING_GRANT),
        ("gitea", {"ref": "refs/heads/x"}, Reason.NO_MATCHING_GRANT),
        ("vela", {"ref": "refs/heads/x"}, Reason.NO_MATCHING_GRANT),
        # no image can have a name with a capital, where the provider tells case apart
        ("vela", {"repo": "acme/Shop"}, Reason.NO_MATCHING_GRANT),
        # runs that outsiders can start
        ("circleci", {f"{CIRCLECI}vcs-ref": "refs/pull/7/head"}, Reason.UNTRUSTED_TRIGGER),
        ("azure-devops", {"rpo_ref": "refs/pull/7/merge"}, Reason.UNTRUSTED_TRIGGER),
        ("hcp-terraform", {"terraform_run_phase": "plan"}, Reason.UNTRUSTED_TRIGGER),
        ("semaphore", {"ref_type": "pull-request"}, Reason.UNTRUSTED_TRIGGER),
        ("codefresh", {"scm_pull_request_target_branch": "main"}, Reason.UNTRUSTED_TRIGGER),
        ("spacelift", {"runType": "PROPOSED"}, Reason.UNTRUSTED_TRIGGER),
        ("forgejo", {"event_name": "pull_request_target"}, Reason.UNTRUSTED_TRIGGER),
        ("forgejo", {"event_name": "workflow_call"}, Reason.UNTRUSTED_TRIGGER),
        ("github-actions", {"event_name": "deployment", "ref": ""}, Reason.UNTRUSTED_TRIGGER),
        ("gitea", {"event_name": "pull_request"}, Reason.UNTRUSTED_TRIGGER),
        ("vela", {"pull_fork": "true"}, Reason.UNTRUSTED_TRIGGER),
        # tokens that are no jobs
        ("circleci", {f"{CIRCLECI}ssh-rerun": True}, Reason.INVALID_CLAIM),
        ("circleci", {f"{CIRCLECI}project-id": None}, Reason.MISSING_CLAIM),
        ("buildkite", {"pipeline_id": None}, Reason.MISSING_CLAIM),
        ("azure-devops", {"def_id": None}, Reason.MISSING_CLAIM),
        ("google", {"email": "ada@acme.example"}, Reason.INVALID_CLAIM),
        ("semaphore", {"job_type": "debug_job"}, Reason.INVALID_CLAIM),
        ("jenkins", {"build_number": None}, Reason.MISSING_CLAIM),
        ("kubernetes", {"kubernetes.io": None}, Reason.MISSING_CLAIM),
        ("vela", {"token_type": "IDRequest"}, Reason.INVALID_CLAIM),
    ],
)
def test_one_claim_that_matters_differs(
    policy: Policy, provider: str, changes: dict[str, Json], reason: Reason
) -> None:
    claims = job_claims(provider, PROVIDERS[provider].shown.granted, **changes)
    try:
        decision = decided(policy, provider, claims)
    except Refused as refused:
        assert refused.reason is reason  # noqa: PT017 - a refusal before the decision is one too
    else:
        denied(decision, reason)


@pytest.mark.parametrize("provider", sorted(PROVIDERS.keys() - {"generic"}))
def test_a_token_under_anothers_entry_gets_nothing(policy: Policy, provider: str) -> None:
    """Not even with the keys of the other would one system's token be another's: their claims are not the same."""
    alike = {"forgejo", "gitea", "github-actions"}
    for other in PROVIDERS.keys() - {provider}:
        if {provider, other} <= alike:
            continue
        claims = job_claims(other, PROVIDERS[other].shown.granted)
        try:
            decision = decided(policy, provider, claims)
        except Refused as refused:
            assert refused.reason in {Reason.MISSING_CLAIM, Reason.INVALID_CLAIM}  # noqa: PT017 - see above
        else:
            assert isinstance(decision, Denied)

import pytest

from sandbox.providers import all_providers
from tests.ci_claims import AWS_ISSUER, BITBUCKET_ISSUER
from tests.ci_jobs import issuer_of, job_claims
from token_exchange.core.identity import STANDARD_CLAIMS
from token_exchange.core.jwk import SCHEMES
from token_exchange.core.vocabulary import IDS, NAMES
from token_exchange.presets.catalog import providers
from token_exchange.presets.provider import BadSetting

_OWN_ISSUERS = {"github-actions": None, "gitlab": None, "bitbucket-pipelines": BITBUCKET_ISSUER, "aws-sts": AWS_ISSUER}

PRESETS = {
    name: provider.preset({}, _OWN_ISSUERS[name] if name in _OWN_ISSUERS else issuer_of(name))
    for name, provider in providers().items()
    if name != "generic"
}


def test_claims_of_the_vocabulary_are_documented(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            for source in preset.vocabulary.values():
                assert {path[0] for path in source.source_claims} <= preset.claims.keys() | STANDARD_CLAIMS.keys()


def test_claims_that_mark_a_job_are_documented(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert preset.required
            assert {path[0] for path in preset.marks | preset.must_match} <= preset.claims.keys()
            assert {path for path in preset.marks if len(path) > 1} <= preset.nested_claims.keys()
            for path, values in preset.required_values.items():
                kinds = {"boolean" if isinstance(value, bool) else "text" for value in values}
                assert kinds == {preset.claim_type(path)}
            assert all(preset.claim_type(path) == "text" for path in preset.required_suffixes)


def test_nested_claims_are_inside_objects(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert all(preset.claim_type(path[:-1]) == "object" for path in preset.nested_claims)


def test_an_audience_is_shared_only_where_it_is_fixed(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            cannot_choose = {"azure-devops", "semaphore", "spacelift"}
            assert preset.shared_audience("https://exchange.acme.example") is (preset.provider in cannot_choose)


def test_braced_uuids_are_documented(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert {path[0] for path in preset.braced_uuids} <= preset.claims.keys()
            assert preset.braced_uuids >= {
                path for name in NAMES if preset.is_braced(name) for path in preset.vocabulary[name].source_claims
            }


def test_declared_claims_are_documented_and_not_proven(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert {path[0] for path in preset.declared} <= preset.claims.keys()
            assert not any(preset.is_declared(name) for name in preset.proven)


def test_claims_for_the_linter_are_documented(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            filed = preset.triggers | preset.job_controlled_claims | preset.empty_claims | preset.host_prefixed_claims
            assert {path[0] for path in filed} <= preset.claims.keys() | {"sub"}
            assert preset.named_in_sub <= preset.vocabulary.keys()


SHOWN_BY_ITSELF = {
    "event_name": "pull_request_target",
    "pipeline_source": "merge_request_event",
    "event": "pull_request",
    "pull_fork": "true",
    "branch_dest": "main",
    "rpo_ref": "refs/pull/7/merge",
    "oidc.circleci.com/vcs-ref": "refs/pull/7",
    "scm_pull_request_target_branch": "main",
    "ref_type": "pull-request",
    "terraform_run_phase": "plan",
    "runType": "PROPOSED",
}


def test_a_trigger_shows_outsiders_in_any_token(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            members = job_claims(preset.provider, all_providers()[preset.provider].shown.granted)
            assert preset.untrusted_trigger(members) is None
            for (claim,) in preset.triggers:
                outsiders = {claim: SHOWN_BY_ITSELF[claim]}
                assert preset.untrusted_trigger(outsiders)
                assert preset.untrusted_trigger({**members, **outsiders})


def test_the_trigger_context_is_of_a_members_run(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            members = job_claims(preset.provider, all_providers()[preset.provider].shown.granted)
            for claim, value in preset.trigger_context.items():
                assert preset.untrusted_trigger({**members, claim: value}) is None
                assert isinstance(value, str)


def test_only_required_values_have_defaults(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert preset.defaults.keys() <= preset.required_values.keys()
            assert not preset.defaults.keys() & preset.marks


def test_what_is_nested_in_a_public_claim_is_not_public() -> None:
    assert PRESETS["google"].is_public(("email_verified",))
    assert not PRESETS["google"].is_public(("email_verified", "x"))


def test_names_are_of_the_vocabulary(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert set(preset.vocabulary) <= set(NAMES)
            assert preset.proven <= preset.vocabulary.keys()


def test_only_signatures_that_prove_something(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert preset.algorithms
            assert set(preset.algorithms) <= SCHEMES.keys()


# All that a refusal may tell of grants that are for others: kinds of things that anyone's run can have.
PUBLIC = {
    "aws-sts": "original_session_exp source_region",
    "azure-devops": "rpo_ref",
    "bitbucket-pipelines": "branchName deploymentEnvironment deploymentEnvironmentUuid",
    "bitrise": "branch branch_dest tag",
    "buildkite": "build_branch build_source build_tag runner_environment",
    "circleci": "oidc.circleci.com/ssh-rerun oidc.circleci.com/vcs-ref",
    "codefresh": "runner_environment scm_pull_request_target_branch scm_ref",
    "forgejo": "base_ref event_name head_ref ref ref_protected ref_type run_attempt run_number",
    "gitea": (
        "base_ref event_name head_ref ref ref_protected ref_type repository_visibility run_attempt run_number "
        "runner_environment"
    ),
    "github-actions": (
        "base_ref environment event_name head_ref ref ref_protected ref_type repository_visibility run_attempt "
        "run_number runner_environment"
    ),
    "gitlab": (
        "deployment_tier environment environment_action environment_protected job_source pipeline_source "
        "project_visibility ref ref_path ref_protected ref_type runner_environment user_access_level"
    ),
    "google": "email_verified zone",
    "harness": "environment_id environment_type stage_type step_type",
    "hcp-terraform": "terraform_run_phase",
    "jenkins": "",
    "kubernetes": "warnafter",
    "semaphore": "branch job_type pr_branch ref ref_type tag",
    "spacelift": "callerType runType scope",
    "vela": "branch event pull_fork ref token_type",
}


def test_public_claims_are_exactly_those_listed(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert {path[-1] for path in preset.public_claims} == set(PUBLIC[preset.provider].split())
            known = {(name,) for name in preset.claims} | preset.nested_claims.keys()
            assert preset.public_claims <= known
            # Every other claim counts as a name, whether the provider documents it or not.
            for path in known | {("sub",), ("aud",), ("iss",), ("jti",), ("brand_new",), ("a", "b")}:
                assert preset.is_public(path) is (path in preset.public_claims)
            for path in (("exp",), ("iat",), ("nbf",)):
                assert preset.is_public(path)


OWNERS = {"organization", "repository", "pipeline", "actor", *(IDS - {"run_id", "job_id"})}
NAMES_OF_SOMEONE = set(NAMES) - {"ref", "branch", "tag", "ref_protected", "environment", "event"}


def test_no_name_of_someone_is_public(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            sources = [source for name, source in preset.vocabulary.items() if name in OWNERS]
            assert all(preset.public_claims.isdisjoint(source.source_claims) for source in sources)
            assert not any(preset.is_public_name(name) for name in NAMES_OF_SOMEONE)
            # Absent from this provider's tokens.
            assert not any(preset.is_public_name(name) for name in {*NAMES} - preset.vocabulary.keys())


def test_the_presets_name_is_the_providers(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert PRESETS[preset.provider] is preset


def test_types_of_claims(subtests: pytest.Subtests) -> None:
    for name, path, expected in [
        ("github-actions", ("run_number",), "text"),
        ("github-actions", ("repo_property_x",), "text"),
        ("github-actions", ("exp",), "number"),
        ("github-actions", ("aud",), "any"),
        ("github-actions", ("a", "b"), "any"),
        ("gitlab", ("runner_id",), "number"),
        ("gitlab", ("groups_direct",), "list"),
        ("gitlab", ("job_config",), "object"),
        ("gitlab", ("job_config", "url"), "any"),
        ("gitlab", ("brand_new",), "any"),
        ("aws-sts", ("https://sts.amazonaws.com/",), "object"),
        ("aws-sts", ("https://sts.amazonaws.com/", "aws_account"), "text"),
        ("aws-sts", ("https://sts.amazonaws.com/", "request_tags", "team"), "any"),
        ("circleci", ("oidc.circleci.com/ssh-rerun",), "boolean"),
        ("circleci", ("oidc.circleci.com/context-ids",), "list"),
        ("buildkite", ("build_number",), "number"),
        ("buildkite", ("agent_tag:queue",), "any"),
        ("google", ("google", "compute_engine", "instance_id"), "text"),
        ("kubernetes", ("kubernetes.io", "serviceaccount"), "object"),
        ("jenkins", ("job_name",), "any"),
    ]:
        with subtests.test(name=name, path=path, expected=expected):
            assert PRESETS[name].claim_type(path) == expected


def test_a_bad_setting_says_which() -> None:
    with pytest.raises(BadSetting, match="missing") as bad:
        providers()["generic"].preset({}, None)
    assert bad.value.key == "issuer"

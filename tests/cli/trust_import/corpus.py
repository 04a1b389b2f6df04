"""Trust policies shaped after those that people publish, for the organizations of the sandbox's CI systems.

Each says what the import has to make of it: who gets in of the sandbox's scenarios, and what is remarked.
"""

from dataclasses import dataclass
from typing import Final, TypedDict, Unpack

from tests.cli.trust_import.trusts import AUDIENCE, GITHUB, statement, trust
from tests.loading.documents import Document
from token_exchange.core.ports import Json

STS: Final = "sts.amazonaws.com"
ORGANIZATION: Final = "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"
PROJECT: Final = "d3907c5e-1ab8-4f26-8e74-b95a60c2f1d7"
REPOSITORY: Final = "c2e7a415-9d30-4b8c-a1f6-68b4d7e05392"
CIRCLECI: Final = f"oidc.circleci.com/org/{ORGANIZATION}"
BITBUCKET: Final = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AZURE: Final = "vstoken.dev.azure.com/b60e4f19-d2a7-4c38-8f95-03c7e1d6a5b2"
GHES: Final = "git.acme.example/_services/token"
VELA: Final = "ci.acme.example/_services/token"
GITLAB: Final = "gitlab.acme.example"
BUILDKITE: Final = "agent.buildkite.com"
TERRAFORM: Final = "app.terraform.io"
SPACELIFT: Final = "acme.app.spacelift.io"
CLUSTER: Final = "oidc.eks.eu-west-1.amazonaws.com/id/0A1B"
JENKINS: Final = "jenkins.acme.example/oidc"
PULUMI: Final = "api.pulumi.com/oidc"
ACCOUNT_ID: Final = "104455667788990011223"
FEDERATED_SUB: Final = "organization:acme:pipeline:shop-images:ref:refs/heads/main:commit:*:step:images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A trust policy for tokens of `provider` at `address`.

    `gets_in` are the scenarios that the imported policy gives a login, `report_only` says that what it has gives none.
    `remarks` are parts of what is said, `status` the command's.
    """

    provider: str
    address: str
    document: Document
    gets_in: frozenset[str] = frozenset()
    report_only: bool = False
    remarks: tuple[str, ...] = ()
    status: int = 0


def case(
    provider: str,
    address: str,
    condition: dict[str, Json],
    *,
    gets_in: str = "",
    remarks: tuple[str, ...] = (),
    report_only: bool = False,
    status: int = 0,
) -> Case:
    """Make a case of one statement, whose keys are claims where they name no issuer."""
    full: dict[str, Json] = {
        operator: {key if _is_full(key) else f"{address}:{key}": value for key, value in keys.items()}
        for operator, keys in condition.items()
        if isinstance(keys, dict)
    }
    return Case(
        provider=provider,
        address=address,
        document=trust(statement(full, address=address)),
        gets_in=frozenset(gets_in.split()),
        report_only=report_only,
        remarks=remarks,
        status=status,
    )


def _is_full(key: str) -> bool:
    return ":" in key


class _Expected(TypedDict, total=False):
    """The keyword arguments of `case`."""

    gets_in: str
    remarks: tuple[str, ...]
    report_only: bool
    status: int


def github(condition: dict[str, Json], **expected: Unpack[_Expected]) -> Case:
    return case("github-actions", GITHUB, condition, **expected)


def of(provider: str, address: str, sub: str, **expected: Unpack[_Expected]) -> Case:
    """Make a case of one pattern, or of one exact subject."""
    operator = "StringLike" if "*" in sub else "StringEquals"
    condition: dict[str, Json] = {"StringEquals": {"aud": AUDIENCE}}
    return case(provider, address, _with(condition, operator, {"sub": sub}), **expected)


def _with(condition: dict[str, Json], operator: str, keys: dict[str, Json]) -> dict[str, Json]:
    known = condition.get(operator)
    return {**condition, operator: {**(known if isinstance(known, dict) else {}), **keys}}


AUD: Final[dict[str, Json]] = {"aud": AUDIENCE}
MAIN: Final = "repo:acme/shop:ref:refs/heads/main"
PUSHES: Final = "push-main push-feature tag release environment schedule"

CORPUS: Final[dict[str, Case]] = {
    # ForAllValues on iss, as a common Terraform module and older pages write it
    "github_module_iss_over_http": github(
        {
            "ForAllValues:StringEquals": {"iss": ["http://token.actions.githubusercontent.com"], **AUD},
            "StringLike": {"sub": ["repo:acme/shop:pull_request", MAIN]},
        },
        gets_in="push-main schedule",
        remarks=("left out: AWS has no condition key for iss",),
    ),
    "github_module_with_actor": github(
        {
            "ForAllValues:StringEquals": {"iss": [f"https://{GITHUB}"], **AUD},
            "StringEquals": {"sub": [MAIN], "actor": ["ada"]},
        },
        gets_in="push-main schedule",
        remarks=("left out: AWS has no condition key for iss",),
    ),
    "github_iss_like_in_all": github(
        {"ForAllValues:StringLike": {"iss": f"https://{GITHUB}", **AUD}, "StringEquals": {"sub": MAIN}},
        gets_in="push-main schedule",
        remarks=("left out: AWS has no condition key for iss",),
    ),
    "github_iss_equals": github(
        {"StringEquals": {"iss": f"https://{GITHUB}", "sub": MAIN, **AUD}},
        report_only=True,
        remarks=("AWS has no condition key for iss, so no one can assume the role",),
    ),
    "github_iss_of_another": github(
        {"StringEquals": {"iss": "https://gitlab.com", "sub": MAIN, **AUD}},
        remarks=("expected https://token.actions.githubusercontent.com",),
        status=1,
    ),
    # claims that AWS has no key for
    "github_event_name": github(
        {"StringEquals": {"event_name": "push", **AUD}, "StringLike": {"sub": "repo:acme/shop:*"}},
        report_only=True,
        remarks=('event_name"]: AWS has no condition key for this claim, so no one', "mode: report"),
    ),
    "github_owner": github(
        {"StringEquals": {"repository_owner": "acme", **AUD}, "StringLike": {"sub": "repo:acme/*"}}, report_only=True
    ),
    "github_owner_for_any_value": github(
        {"ForAnyValue:StringNotEquals": {"repository_owner": "globex"}, "StringEquals": {"sub": MAIN, **AUD}},
        report_only=True,
    ),
    "github_owner_if_exists": github(
        {"StringEqualsIfExists": {"repository_owner": "acme"}, "StringEquals": {"sub": MAIN, **AUD}},
        gets_in="push-main schedule",
        remarks=("so this holds for every token today",),
    ),
    "github_no_event": github(
        {"Null": {"event_name": "true"}, "StringEquals": {"sub": MAIN, **AUD}},
        remarks=("so this holds for every token today",),
    ),
    "github_ids": github(
        {
            "StringEquals": {
                **AUD,
                "sub": "repo:acme/shop:environment:production",
                "Repository_ID": "70010001",
                "repository_owner_id": "7001",
                "repository": "acme/shop",
                "environment": "production",
            }
        },
        gets_in="release environment",
    ),
    "ghes_repository": case(
        "github-actions",
        GHES,
        {"StringEquals": {"repository": "acme/shop", "sub": MAIN, **AUD}},
        report_only=True,
        remarks=("Vela has the same path",),
    ),
    "gitlab_com_live_keys": case(
        "gitlab",
        "gitlab.com",
        {
            "StringEquals": {"ref_protected": "true", "namespace_id": "310", **AUD},
            "StringLike": {"sub": "project_path:acme/*:ref_type:branch:ref:main"},
        },
        gets_in="push-main environment",
        remarks=("admits every project below acme",),
    ),
    "gitlab_com_project_path": case(
        "gitlab",
        "gitlab.com",
        {"StringEquals": {"project_path": "acme/payments/checkout", **AUD}},
        report_only=True,
    ),
    "gitlab_server_id": case(
        "gitlab",
        GITLAB,
        {"StringEquals": {"project_id": "3107", **AUD}, "StringLike": {"sub": "project_path:acme/*"}},
        report_only=True,
        remarks=("is assumed to be gitlab",),
    ),
    "circleci_contexts": case(
        "circleci",
        CIRCLECI,
        {"StringEquals": {"oidc.circleci.com/context-ids": "31d5e8c0-b7f4-4269-8a03-d94e16c7b025", **AUD}},
        report_only=True,
    ),
    # GitHub's sub
    "github_no_tail": of(
        "github-actions", GITHUB, "repo:acme/shop", remarks=("repo:acme/shop admits no run: GitHub's sub continues",)
    ),
    "github_no_tail_like": github(
        {"StringLike": {"sub": ["repo:acme/shop"]}, "StringEquals": AUD},
        remarks=("repo:acme/shop admits no run: GitHub's sub continues",),
    ),
    "github_prefix": of(
        "github-actions",
        GITHUB,
        "repo:acme/sh*",
        gets_in=PUSHES,
        remarks=("each repository of acme whose name fits, such as sh-other",),
    ),
    "github_any_owner": of(
        "github-actions", GITHUB, "repo:*:*", remarks=("also admits runs of other organizations", "replace-me")
    ),
    "github_any_owner_main": of(
        "github-actions", GITHUB, "repo:*:ref:refs/heads/main", remarks=("also admits runs of other organizations",)
    ),
    "github_any_owner_name": of(
        "github-actions", GITHUB, "repo:*shop*:*", remarks=("also admits runs of other organizations",)
    ),
    "github_any_name": of(
        "github-actions", GITHUB, "repo:*/shop:*", remarks=("also admits runs of other organizations",)
    ),
    "github_tags": of("github-actions", GITHUB, "repo:acme/shop:ref:refs/tags/*", gets_in="tag"),
    "github_not_dev": github(
        {"StringNotLike": {"sub": "repo:acme/dev:*"}, "StringEquals": AUD},
        remarks=("no condition on sub except a negative one: today, every other run",),
    ),
    "github_two_patterns": github(
        {"StringLike": {"sub": "*:*/shop:*"}, "ForAllValues:StringLike": {"sub": "repo:acme/*"}, "StringEquals": AUD},
        remarks=("two conditions with patterns on one key", "in a copy of the trust policy"),
        status=1,
    ),
    # other CI systems
    "circleci_origin": of(
        "circleci",
        CIRCLECI,
        f"org/{ORGANIZATION}/project/*/user/*/vcs-origin/github.com/acme/shop/vcs-ref/refs/heads/main",
        gets_in="push-main other-project",
    ),
    "circleci_origins": of(
        "circleci",
        CIRCLECI,
        f"org/{ORGANIZATION}/project/*/user/*/vcs-origin/github.com/acme/*/vcs-ref/*",
        gets_in="push-main push-feature tag other-project",
    ),
    "circleci_any_project": of(
        "circleci",
        CIRCLECI,
        f"org/{ORGANIZATION}/project/*/user/*",
        remarks=("admits every project of the organization", "until it has a condition on repository"),
    ),
    "circleci_project_key": case(
        "circleci",
        CIRCLECI,
        {"StringEquals": {f"{CIRCLECI}:oidc.circleci.com/project-id": PROJECT, **AUD}},
        remarks=("until it has a condition on repository",),
    ),
    "circleci_audience_only": case(
        "circleci", CIRCLECI, {"StringEquals": AUD}, remarks=("until it has a condition on repository",)
    ),
    "circleci_key_of_github": case(
        "circleci",
        CIRCLECI,
        {"ForAllValues:StringLike": {**AUD, f"{GITHUB}:sub": "repo:acme/shop:*"}},
        remarks=("today it keeps no run of oidc.circleci.com",),
        status=1,
    ),
    "bitbucket_without_braces": of(
        "bitbucket-pipelines", BITBUCKET, f"{REPOSITORY}:*", remarks=("the UUIDs in Bitbucket's sub are in braces",)
    ),
    "bitbucket_every_run": of(
        "bitbucket-pipelines", BITBUCKET, "*:*:*", gets_in="deployment", remarks=("admits every run",)
    ),
    "bitbucket_repository": of(
        "bitbucket-pipelines", BITBUCKET, f"{{{REPOSITORY}}}:*", gets_in="push-main push-feature deployment"
    ),
    "terraform_plan": of(
        "hcp-terraform",
        TERRAFORM,
        "organization:acme:project:Default Project:workspace:shop-prod:run_phase:plan",
        remarks=("admits plans, which run the code of pull requests",),
    ),
    "terraform_any_phase": of(
        "hcp-terraform",
        TERRAFORM,
        "organization:acme:project:*:workspace:shop-prod:run_phase:*",
        gets_in="apply",
        remarks=("also admits plans",),
    ),
    "buildkite_branch": of(
        "buildkite",
        BUILDKITE,
        FEDERATED_SUB,
        gets_in="push-main",
        remarks=("only where its step requests them",),
    ),
    "buildkite_address": case(
        "buildkite",
        BUILDKITE,
        {"StringEquals": AUD, "StringLike": {"sub": FEDERATED_SUB}, "IpAddress": {"aws:SourceIp": "192.0.2.10"}},
        remarks=("remove it from a copy and import that",),
        status=1,
    ),
    "buildkite_tags": case(
        "buildkite",
        BUILDKITE,
        {"StringEquals": {**AUD, "aws:RequestTag/pipeline_slug": "shop-images"}},
        remarks=("inside https://aws.amazon.com/tags",),
        status=1,
    ),
    "azure_service_connection": of(
        "azure-devops", AZURE, "sc://acme/shop/exchange", remarks=("is the sub of a service connection",)
    ),
    "azure_connections": of("azure-devops", AZURE, "sc://acme/shop/*", remarks=("is the sub of a service connection",)),
    "azure_pipeline": of(
        "azure-devops", AZURE, "p://acme/shop/shop-images", gets_in="push-main push-feature other-pipeline"
    ),
    "spacelift_space": of("spacelift", SPACELIFT, "space:shop-*", gets_in="tracked planning module-of-the-same-name"),
    "spacelift_everything": of(
        "spacelift",
        SPACELIFT,
        "space:*:stack:*:run_type:*:scope:*",
        gets_in="tracked planning",
        remarks=("admits every stack of the account", "also admits proposed runs"),
    ),
    "spacelift_proposed": of(
        "spacelift", SPACELIFT, "space:*:stack:shop-images:run_type:PROPOSED:scope:read", remarks=("untrusted trigger",)
    ),
    "cluster_every_account": of(
        "kubernetes", CLUSTER, "system:serviceaccount:*:*", remarks=("also admits runs of other organizations",)
    ),
    "cluster_namespace": of(
        "kubernetes", CLUSTER, "system:serviceaccount:shop-ci:*", gets_in="runner other-account no-pod"
    ),
    "jenkins_every_job": of(
        "jenkins",
        JENKINS,
        "https://jenkins.acme.example/job/*",
        gets_in="main pull-request other-job",
        remarks=("admits every run",),
    ),
    "pulumi": of(
        "generic",
        PULUMI,
        "acme/*",
        gets_in="push-main push-feature",
        remarks=("https://api.pulumi.com/oidc is not a known CI system",),
    ),
    "vela_own_claims": case(
        "vela",
        VELA,
        {"StringLike": {"sub": "repo:acme/shop:*", "image": "golang:*"}, "StringEquals": AUD},
        report_only=True,
        remarks=("is assumed to be vela",),
    ),
    "vela_push": of("vela", VELA, "repo:acme/shop:ref:*:event:push", gets_in="push-main push-feature"),
    "google_authorized_party": case(
        "google",
        "accounts.google.com",
        {"StringEquals": {"oaud": AUDIENCE, "aud": ACCOUNT_ID, "sub": ACCOUNT_ID}},
        remarks=("write yours",),
    ),
    "google_party_called_audience": case(
        "google",
        "accounts.google.com",
        {"StringEquals": {"aud": AUDIENCE, "sub": ACCOUNT_ID}},
        remarks=("no condition on accounts.google.com:oaud",),
    ),
    "google_number": case(
        "google",
        "accounts.google.com",
        {"StringEquals": {"oaud": AUDIENCE, "google/organization_number": "7001"}},
        remarks=("from inside the claim google",),
        status=1,
    ),
}

"""The CI systems of docs/ci: where the login step of each page is, and what its job would find there."""

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import yaml

from tests.docs.pages import Page

EXCHANGE = "https://exchange.acme.example"

type Step = Callable[[Page], str]
type Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a job asks for its token over HTTP: `variables` name it by `{url}`, and the answer has it in `member`.

    `header` is what the request must bring; without `member` the token is the whole of the answer. `plain` is one
    without TLS, as a cloud's metadata server.
    """

    variables: Mapping[str, str]
    header: tuple[str, str]
    member: str | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ci:
    """How a CI system runs the login step of its page: the script, its interpreter, and where it finds its token.

    `issuer` is the `iss` of its tokens; `good` and `bad` are a scenario that the page's policy grants, and one that it
    refuses. Besides `good` it grants `also_good`, and no other. `program` prints the token, when called with just these
    arguments. `login` is what comes of the step: docker is logged in, or a file is named to skopeo. `mask` is how the
    system is told to hide a secret from then on: what precedes it in a line of the log, or a program that reads it.
    `ahead_of_schema` is what the system takes and its published schema does not know yet, and what stands for it there.
    """

    provider: str
    issuer: str
    good: str
    bad: str
    also_good: frozenset[str] = frozenset()
    step: Step
    interpreter: str = "sh"
    audience: str = EXCHANGE
    token_variable: str | None = None
    token_file_variable: str | None = None
    program: tuple[str, str] | None = None
    endpoint: Endpoint | None = None
    login: Literal["docker", "authfile"] = "docker"
    mask: str | None = None
    schema: str | None = None
    ahead_of_schema: Mapping[str, str] = field(default_factory=dict)


def only_block(of: Page, language: str, use: str) -> str:
    (text,) = [block.text for block in of.blocks if (block.language, block.use) == (language, use)]
    return text


def at(*place: str | int, audience_at: Place | None = None, lines: int | None = None) -> Step:
    """Return a step that is text, or the first `lines` of a list, at this place of a page's pipeline in YAML.

    `audience_at` is where the pipeline says the audience, which is to be the policy's.
    """

    def step(of: Page) -> str:
        pipeline: object = yaml.safe_load(only_block(of, "yaml", "pipeline"))
        if audience_at is not None:
            assert _at(pipeline, audience_at) == EXCHANGE
        found = _at(pipeline, place)
        return "\n".join(map(str, found[:lines])) if isinstance(found, list) else str(found)

    return step


def _at(found: object, place: Place) -> object:
    for part in place:
        match found, part:
            case dict(), str():
                found = found[part]
            case list(), int():
                found = found[part]
            case _:
                raise AssertionError((part, found))
    return found


def own_block(of: Page) -> str:
    """Return the step of a page that has it in a file of its own."""
    return only_block(of, "sh", "step")


def between(language: str, start: str, end: str) -> Step:
    """Return a step that stands between two texts of a pipeline that is no YAML."""

    def step(of: Page) -> str:
        (found,) = re.findall(
            f"{re.escape(start)}\n(.*?)^ *{re.escape(end)}",
            only_block(of, language, "pipeline"),
            re.DOTALL | re.MULTILINE,
        )
        return textwrap.dedent(str(found))

    return step


def hcl_step(of: Page) -> str:
    """Return the step of a heredoc of HCL, in which the two signs of a template are doubled."""
    script = between("hcl", "<<-SCRIPT", "SCRIPT")(of)
    assert not re.search(r"(?<![$])[$]{|(?<!%)%{", script)
    return script.replace("$${", "${").replace("%%{", "%{")


def codefresh_step(of: Page) -> str:
    """Return the step with Codefresh's own variables filled in, as Codefresh does before a shell sees them."""
    return at("steps", "push", "commands", 1)(of).replace("${{CF_SHORT_REVISION}}", "c7d20e9b")


def circleci_step(of: Page) -> str:
    script = at("commands", "ecr-login", "steps", 0, "run", "command")(of)
    pipeline = yaml.safe_load(only_block(of, "yaml", "pipeline"))
    for name, value in pipeline["jobs"]["images"]["steps"][2]["ecr-login"].items():
        script = script.replace(f"<< parameters.{name} >>", value)
    assert "<<" not in script
    return script


def actions(name: str) -> Endpoint:
    """Return where a job of GitHub, or of what is made after it, asks; the address has a query already."""
    return Endpoint(
        variables={
            "ACTIONS_ID_TOKEN_REQUEST_URL": "{url}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        },
        header=("authorization", f"{name} of-the-job"),
        member="value",
    )


CI: dict[str, Ci] = {
    "docs/ci/github-actions.md": Ci(
        provider="github-actions",
        issuer="https://token.actions.githubusercontent.com",
        good="push-main",
        bad="push-feature",
        also_good=frozenset({"customised-subject", "environment", "leaked-runner", "schedule", "subject-with-ids"}),
        interpreter="bash",
        step=at("jobs", "image", "steps", 1, "run"),
        endpoint=actions("Bearer"),
        mask="::add-mask::",
        schema="vendor.github-workflows",
    ),
    "docs/ci/gitlab.md": Ci(
        provider="gitlab",
        issuer="https://gitlab.acme.example",
        good="push-main",
        bad="push-feature",
        also_good=frozenset({"environment"}),
        step=at("push-image", "before_script", audience_at=("push-image", "id_tokens", "ECR_TOKEN", "aud")),
        token_variable="ECR_TOKEN",
        schema="vendor.gitlab-ci",
    ),
    "docs/ci/bitbucket-pipelines.md": Ci(
        provider="bitbucket-pipelines",
        issuer="https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        good="deployment",
        bad="push-main",
        step=at(
            *("pipelines", "branches", "main", 0, "step", "script"),
            audience_at=("pipelines", "branches", "main", 0, "step", "oidc", "audiences", 0),
            lines=3,
        ),
        token_variable="BITBUCKET_STEP_OIDC_TOKEN",
        schema="vendor.bitbucket-pipelines",
        # Audiences of one's own came to Bitbucket after the schema that it publishes.
        ahead_of_schema={'oidc:\n            audiences: ["https://exchange.acme.example"]': "oidc: true"},
    ),
    "docs/ci/bitrise.md": Ci(
        provider="bitrise",
        issuer="https://token.builds.bitrise.io",
        good="push-main",
        bad="pull-request",
        interpreter="bash",
        step=at(
            *("workflows", "images", "steps", 2, "script@1", "inputs", 0, "content"),
            audience_at=("workflows", "images", "steps", 1, "get-identity-token@0", "inputs", 0, "audience"),
        ),
        token_variable="BITRISE_IDENTITY_TOKEN",
    ),
    "docs/ci/aws-codebuild.md": Ci(
        provider="aws-sts",
        issuer="https://7e21d9c4-58b0-4f3a-9a6d-e1c07b35f842.tokens.sts.global.api.aws",
        good="codebuild",
        bad="function",
        also_good=frozenset({"request-tags"}),
        interpreter="bash",
        step=at("phases", "pre_build", "commands", 0),
        program=(
            "aws",
            (
                f'sts get-web-identity-token --audience ["{EXCHANGE}"] --signing-algorithm RS256 '
                "--duration-seconds 300 --region eu-west-1 --query WebIdentityToken --output text"
            ),
        ),
    ),
    "docs/ci/circleci.md": Ci(
        provider="circleci",
        issuer="https://oidc.circleci.com/org/84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463",
        good="push-main",
        bad="fork",
        interpreter="bash",
        step=circleci_step,
        program=("circleci", f'run oidc get --claims {{"aud": "{EXCHANGE}"}}'),
        schema="vendor.circle-ci",
    ),
    "docs/ci/buildkite.md": Ci(
        provider="buildkite",
        issuer="https://agent.buildkite.com",
        good="push-main",
        bad="push-feature",
        step=own_block,
        program=(
            "buildkite-agent",
            f"oidc request-token --audience {EXCHANGE} --lifetime 300 --claim organization_id,pipeline_id",
        ),
        mask="buildkite-agent",
        schema="vendor.buildkite",
    ),
    "docs/ci/azure-devops.md": Ci(
        provider="azure-devops",
        issuer="https://vstoken.dev.azure.com/b60e4f19-d2a7-4c38-8f95-03c7e1d6a5b2",
        good="push-main",
        bad="pull-request",
        interpreter="bash",
        step=at("steps", 0, "bash"),
        audience="api://AzureADTokenExchange",
        endpoint=Endpoint(
            variables={"SYSTEM_OIDCREQUESTURI": "{url}", "SYSTEM_ACCESSTOKEN": "of-the-pipeline"},
            header=("authorization", "Bearer of-the-pipeline"),
            member="oidcToken",
        ),
        mask="##vso[task.setsecret]",
        schema="vendor.azure-pipelines",
    ),
    "docs/ci/google-cloud-build.md": Ci(
        provider="google",
        issuer="https://accounts.google.com",
        good="trigger",
        bad="other-account",
        also_good=frozenset({"instance"}),
        step=at("steps", 0, "script"),
        endpoint=Endpoint(variables={"GCE_METADATA_HOST": "{host}"}, header=("metadata-flavor", "Google"), plain=True),
        schema="vendor.cloudbuild",
    ),
    "docs/ci/hcp-terraform.md": Ci(
        provider="hcp-terraform",
        issuer="https://app.terraform.io",
        good="apply",
        bad="plan",
        step=hcl_step,
        token_variable="TFC_WORKLOAD_IDENTITY_TOKEN",
        login="authfile",
    ),
    "docs/ci/jenkins.md": Ci(
        provider="jenkins",
        issuer="https://jenkins.acme.example/oidc",
        good="main",
        bad="pull-request",
        step=between("groovy", "sh '''", "'''"),
        token_variable="TOKEN",
    ),
    "docs/ci/semaphore.md": Ci(
        provider="semaphore",
        issuer="https://acme.semaphoreci.com",
        good="push-main",
        bad="pull-request",
        interpreter="bash",
        step=at("blocks", 0, "task", "jobs", 0, "commands", 1),
        audience="https://acme.semaphoreci.com",
        token_variable="SEMAPHORE_OIDC_TOKEN",
    ),
    "docs/ci/codefresh.md": Ci(
        provider="codefresh",
        issuer="https://oidc.codefresh.io",
        good="push-main",
        bad="pull-request",
        step=codefresh_step,
        endpoint=Endpoint(
            variables={"CF_OIDC_REQUEST_URL": "{url}", "CF_OIDC_REQUEST_TOKEN": "of-the-step"},
            header=("authorization", "of-the-step"),
            member="id_token",
        ),
        login="authfile",
    ),
    "docs/ci/harness.md": Ci(
        provider="harness",
        issuer="https://app.harness.io/ng/api/oidc/account/bX4tRk9wQe2LmZ7sVy1Nha",
        good="pipeline",
        bad="other-pipeline",
        step=own_block,
        token_variable="PLUGIN_OIDC_TOKEN_ID",
        login="authfile",
    ),
    "docs/ci/spacelift.md": Ci(
        provider="spacelift",
        issuer="https://acme.app.spacelift.io",
        good="tracked",
        bad="planning",
        step=own_block,
        audience="acme.app.spacelift.io",
        token_variable="SPACELIFT_OIDC_TOKEN",
        login="authfile",
    ),
    "docs/ci/kubernetes.md": Ci(
        provider="kubernetes",
        issuer="https://oidc.eks.eu-west-1.amazonaws.com/id/5C0F9B2E71D84A3690E8D7F1B4A62C35",
        good="runner",
        bad="other-account",
        also_good=frozenset({"no-pod"}),
        step=at(
            *("spec", "template", "spec", "containers", 0, "args", 0),
            audience_at=(
                *("spec", "template", "spec", "volumes", 0, "projected", "sources", 0),
                *("serviceAccountToken", "audience"),
            ),
        ),
        token_file_variable="TOKEN_FILE",
        login="authfile",
    ),
    "docs/ci/forgejo.md": Ci(
        provider="forgejo",
        issuer="https://forgejo.acme.example/api/actions",
        good="push-main",
        bad="pull-request-target",
        interpreter="bash",
        step=at("jobs", "images", "steps", 1, "run"),
        endpoint=actions("bearer"),
        mask="::add-mask::",
    ),
    "docs/ci/gitea.md": Ci(
        provider="gitea",
        issuer="https://gitea.acme.example/api/actions/oidc",
        good="push-main",
        bad="push-feature",
        also_good=frozenset({"reusable-workflow"}),
        interpreter="bash",
        step=at("jobs", "images", "steps", 1, "run"),
        endpoint=actions("bearer"),
        mask="::add-mask::",
    ),
    "docs/ci/vela.md": Ci(
        provider="vela",
        issuer="https://vela.acme.example/_services/token",
        good="push-main",
        bad="fork",
        step=at("steps", 0, "commands", 0),
        endpoint=Endpoint(
            variables={"VELA_ID_TOKEN_REQUEST_URL": "{url}", "VELA_ID_TOKEN_REQUEST_TOKEN": "of-the-build"},
            header=("authorization", "Bearer of-the-build"),
            member="token",
        ),
        login="authfile",
    ),
}

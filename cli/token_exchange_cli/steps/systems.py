"""What the login step of each CI system has of its own: how a job gets its token, and how the log hides a secret.

`{audience}` stands for the audience, `{url_audience}` for the audience in a query, `{host}` for the registry's host.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

type StepFormat = Literal["password", "docker-config"]
"""What the step asks for: a password for `docker login`, or a file for programs that copy images without docker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One CI system, by the name of its preset.

    Attributes:
        page: The page in docs/ci, without its ending.
        title: What messages call the system.
        setup: What to configure outside of the step, a line each.
        token: The lines that set `token`.
        masks: The lines that hide the token, which stands in `token`, and the login, which is in the file `login`.
        fixed_audience: The audience of all tokens, where a job cannot choose it.
        format: What the page's step asks for.
        image: The image that the page's step copies, where it copies one.
        host: How the step writes the registry's host; a variable unless the page has it in the step itself.
        audience_variable: The step reads the audience from `AUDIENCE`.
        template_signs: The signs of a template that the language around the step would fill in, and their escapes.
    """

    page: str
    title: str
    setup: tuple[str, ...] = ()
    token: tuple[str, ...]
    masks: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    fixed_audience: str | None = None
    format: StepFormat = "password"
    image: str = "acme/shop:latest"
    host: str = '"$REGISTRY"'
    audience_variable: bool = False
    template_signs: Mapping[str, str] = MappingProxyType({})


def _actions(page: str, title: str, *, scheme: str, setup: str, missing: str, host: str = '"$REGISTRY"') -> System:
    """Return a system whose jobs ask as those of GitHub Actions do."""
    return System(
        page=page,
        title=title,
        setup=(setup,),
        token=(
            f': "${{ACTIONS_ID_TOKEN_REQUEST_URL:?{missing}}}"',
            f"token=$(printf 'Authorization: {scheme} %s' \"$ACTIONS_ID_TOKEN_REQUEST_TOKEN\" |",
            '  https -f -G "$ACTIONS_ID_TOKEN_REQUEST_URL" --data-urlencode "audience=$AUDIENCE" |',
            """  sed -n 's/.*"value" *: *"\\([^"]*\\)".*/\\1/p')""",
        ),
        masks=(
            (f'echo "::add-mask::${{token:?{title.removesuffix(" Actions")} gave no token}}"',),
            ('echo "::add-mask::$(cat "$login")"',),
        ),
        host=host,
        audience_variable=True,
    )


SYSTEMS: Final[Mapping[str, System]] = MappingProxyType(
    {
        "aws-sts": System(
            page="aws-codebuild",
            title="AWS CodeBuild, and everything else with an IAM role",
            setup=("the role may call sts:GetWebIdentityToken for the audience {audience}",),
            token=(
                (
                    r'token=$(aws sts get-web-identity-token --audience "[\"$AUDIENCE\"]" --signing-algorithm RS256 '
                    "\\"
                ),
                '  --duration-seconds 300 --region "$AWS_REGION" --query WebIdentityToken --output text)',
            ),
            audience_variable=True,
        ),
        "azure-devops": System(
            page="azure-devops",
            title="Azure Pipelines",
            setup=("the step has env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)}",),
            token=(
                ': "${SYSTEM_ACCESSTOKEN:?hand it to the step with env}"',
                """token=$(printf 'Authorization: Bearer %s' "$SYSTEM_ACCESSTOKEN" |""",
                (
                    "  https -f -X POST -H 'Content-Type: application/json' -H 'Content-Length: 0'"
                    ' "$SYSTEM_OIDCREQUESTURI?api-version=7.1" |'
                ),
                """  sed -n 's/.*"oidcToken" *: *"\\([^"]*\\)".*/\\1/p')""",
            ),
            masks=(
                ('echo "##vso[task.setsecret]${token:?Azure DevOps gave no token}"',),
                ('echo "##vso[task.setsecret]$(cat "$login")"',),
            ),
            fixed_audience="api://AzureADTokenExchange",
        ),
        "bitbucket-pipelines": System(
            page="bitbucket-pipelines",
            title="Bitbucket Pipelines",
            setup=('the step has oidc: {audiences: ["{audience}"]}',),
            token=("token=${BITBUCKET_STEP_OIDC_TOKEN:?the step needs oidc}",),
        ),
        "bitrise": System(
            page="bitrise",
            title="Bitrise",
            setup=("the step get-identity-token comes before, with audience: {audience}",),
            token=("token=${BITRISE_IDENTITY_TOKEN:?the step get-identity-token has to come before}",),
        ),
        "buildkite": System(
            page="buildkite",
            title="Buildkite",
            setup=("the step is a script of its own: Buildkite fills in the variables of a pipeline at upload",),
            token=(
                (
                    "token=$(buildkite-agent oidc request-token --audience {audience} --lifetime 300"
                    " --claim organization_id,pipeline_id)"
                ),
            ),
            masks=(
                ("""printf %s "$token" | buildkite-agent redactor add""",),
                ('buildkite-agent redactor add < "$login"',),
            ),
        ),
        "circleci": System(
            page="circleci",
            title="CircleCI",
            token=("""token=$(circleci run oidc get --claims '{"aud": "{audience}"}')""",),
            host='"{host}"',
        ),
        "codefresh": System(
            page="codefresh",
            title="Codefresh",
            token=(
                """token=$(printf 'Authorization: %s' "$CF_OIDC_REQUEST_TOKEN" |""",
                '  https -f "$CF_OIDC_REQUEST_URL?audience={url_audience}" |',
                """  sed -n 's/.*"id_token" *: *"\\([^"]*\\)".*/\\1/p')""",
                ': "${token:?Codefresh gave no token}"',
            ),
            format="docker-config",
            image="codefresh/shop:latest",
        ),
        "forgejo": _actions(
            "forgejo",
            "Forgejo Actions",
            scheme="bearer",
            setup="the workflow has enable-openid-connect: true",
            missing="the workflow needs enable-openid-connect",
        ),
        "gitea": _actions(
            "gitea",
            "Gitea Actions",
            scheme="bearer",
            setup="the job has permissions: {contents: read, id-token: write}",
            missing="the job needs permissions: id-token: write",
        ),
        "github-actions": _actions(
            "github-actions",
            "GitHub Actions",
            scheme="Bearer",
            setup="the job has permissions: {contents: read, id-token: write}",
            missing="the job needs permissions: id-token: write",
            host="{host}",
        ),
        "gitlab": System(
            page="gitlab",
            title="GitLab CI/CD",
            setup=("the job has id_tokens: {ECR_TOKEN: {aud: {audience}}}",),
            token=("token=${ECR_TOKEN:?the job needs id_tokens with ECR_TOKEN}",),
        ),
        "google": System(
            page="google-cloud-build",
            title="Google Cloud Build",
            token=(
                'metadata="http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1"',
                "token=$(curl -sSf --max-time 30 --retry 4 -H 'Metadata-Flavor: Google' \\",
                '  "$metadata/instance/service-accounts/default/identity?audience={url_audience}&format=full")',
            ),
        ),
        "harness": System(
            page="harness",
            title="Harness",
            setup=("the plugin's connector asks for an OIDC token with the audience {audience}",),
            token=("token=${PLUGIN_OIDC_TOKEN_ID:?the connector asks for no OIDC token}",),
            format="docker-config",
            image="harness/shop:latest",
        ),
        "hcp-terraform": System(
            page="hcp-terraform",
            title="HCP Terraform",
            setup=("the workspace has the environment variable TFC_WORKLOAD_IDENTITY_AUDIENCE={audience}",),
            token=("token=${TFC_WORKLOAD_IDENTITY_TOKEN:?set TFC_WORKLOAD_IDENTITY_AUDIENCE in the workspace}",),
            format="docker-config",
            image="terraform/shop:latest",
            template_signs=MappingProxyType({"${": "$${", "%{": "%%{"}),
        ),
        "jenkins": System(
            page="jenkins",
            title="Jenkins",
            setup=(
                (
                    "a credential 'OpenID Connect id token' has the audience {audience},"
                    " and withCredentials puts it into TOKEN"
                ),
            ),
            token=("token=${TOKEN:?the credential is empty}",),
        ),
        "kubernetes": System(
            page="kubernetes",
            title="Kubernetes",
            setup=(
                (
                    "the pod mounts a projected serviceAccountToken with audience: {audience},"
                    " and TOKEN_FILE is the path of its file"
                ),
            ),
            token=('token=$(cat "$TOKEN_FILE")',),
            format="docker-config",
            image="kubernetes/shop:latest",
        ),
        "semaphore": System(
            page="semaphore",
            title="Semaphore",
            token=("token=${SEMAPHORE_OIDC_TOKEN:?the job has no OpenID Connect token}",),
            fixed_audience="https://ORGANIZATION.semaphoreci.com",
        ),
        "spacelift": System(
            page="spacelift",
            title="Spacelift",
            token=("token=${SPACELIFT_OIDC_TOKEN:?the account has no OIDC tokens}",),
            fixed_audience="ACCOUNT.app.spacelift.io",
            format="docker-config",
            image="spacelift/shop:latest",
        ),
        "vela": System(
            page="vela",
            title="Vela",
            setup=('the step has id_request: "yes"',),
            token=(
                """token=$(printf 'Authorization: Bearer %s' "$VELA_ID_TOKEN_REQUEST_TOKEN" |""",
                '  https -f "$VELA_ID_TOKEN_REQUEST_URL?audience={url_audience}" |',
                """  sed -n -E 's/.*"(token|value)" *: *"([^"]*)".*/\\2/p')""",
                "[ -n \"$token\" ] || { echo 'Vela gave no token'; exit 1; }",
            ),
            format="docker-config",
            image="vela/acme/shop:latest",
        ),
    }
)
"""Every system by the name that a policy gives its provider."""

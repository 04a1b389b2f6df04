"""First policies for systems whose code is elsewhere, and for identities that are no repository's."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.onboarding import questions as form
from token_exchange_cli.onboarding.starter import ONLY_MAIN, SHARED_AUDIENCE, UNPROVEN_BRANCH, Ask, Refusal, Starter

OTHERS: Final[Mapping[str, Starter]] = MappingProxyType(
    {
        "aws-sts": Starter(
            asks={
                "issuer": Ask(
                    form.ISSUER, "https://ID.tokens.sts.global.api.aws, which enabling the federation prints"
                ),
                "organization-id": Ask(form.ACCOUNT, "the AWS account of the builds"),
                "actor": Ask(form.ROLE, "the ARN of the build's role"),
            },
            settings={"issuer": "{issuer}"},
            organization={"id": "{organization-id}"},
            match={"actor": "{actor}"},
            pins=("The role is all that a token names: give each project a role of its own.",),
            claims={
                "sub": "{actor}",
                "https://sts.amazonaws.com/": {"aws_account": "{organization-id}", "source_region": "eu-west-1"},
            },
        ),
        "bitrise": Starter(
            asks={
                "organization-id": Ask(form.SLUG_16, "the workspace's slug, in its page's URL"),
                "pipeline-id": Ask(form.SLUG_16, "the app's slug, in its page's URL"),
            },
            organization={"id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}", "branch": "main"},
            pins=(ONLY_MAIN, "The repository in a token is typed into the app's settings, so it proves nothing."),
            claims={
                "workspace_slug": "{organization-id}",
                "app_slug": "{pipeline-id}",
                "build_number": "1",
                "branch": "main",
                "branch_dest": "",
                "tag": "",
                "workflow": "images",
            },
            refused=(
                Refusal("another branch", {"branch": "feature"}),
                Refusal("a pull request", {"branch_dest": "main"}, Reason.UNTRUSTED_TRIGGER),
            ),
        ),
        "buildkite": Starter(
            asks={
                "organization": Ask(form.LABEL, "the organization's slug"),
                "organization-id": Ask(form.UUID, "the organization's id, in its settings"),
                "pipeline-id": Ask(form.UUID, "the pipeline's id, in its settings"),
            },
            organization={"name": "{organization}", "id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}", "branch": "main"},
            pins=(UNPROVEN_BRANCH,),
            claims={
                "organization_slug": "{organization}",
                "organization_id": "{organization-id}",
                "pipeline_slug": "images",
                "pipeline_id": "{pipeline-id}",
                "build_number": 1,
                "build_branch": "main",
                "build_source": "webhook",
                "job_id": "019a64f1-72c0-7e3d-a5b8-0f96d1c4e72a",
            },
            refused=(Refusal("another branch", {"build_branch": "feature"}),),
        ),
        "circleci": Starter(
            asks={
                "organization-id": Ask(form.UUID, "the organization's id, in its settings"),
                "pipeline-id": Ask(form.UUID, "the project's id, in its settings"),
                "repository": Ask(form.REPOSITORY, "where the code is from"),
            },
            settings={"organization": "{organization-id}"},
            organization={"id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}", "repository": "{repository}", "branch": "main"},
            pins=("A fork's build has the ids of the project: only the repository tells it apart.",),
            claims={
                "oidc.circleci.com/org-id": "{organization-id}",
                "oidc.circleci.com/project-id": "{pipeline-id}",
                "oidc.circleci.com/job-id": "f82c3a67-905e-4d1b-a7c4-36b9d0e2581f",
                "oidc.circleci.com/ssh-rerun": False,
                "oidc.circleci.com/vcs-origin": "github.com/{repository}",
                "oidc.circleci.com/vcs-ref": "refs/heads/main",
            },
            refused=(Refusal("another branch", {"oidc.circleci.com/vcs-ref": "refs/heads/feature"}),),
        ),
        "codefresh": Starter(
            asks={
                "organization": Ask(form.NAME, "the account's name"),
                "organization-id": Ask(form.HEX_24, "the account's id"),
                "pipeline-id": Ask(form.HEX_24, "the pipeline's id"),
                "repository": Ask(form.REPOSITORY, "where the code is from"),
            },
            organization={"name": "{organization}", "id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}", "repository": "{repository}", "ref": "main"},
            pins=("Repository and ref are declared: a member who starts the pipeline by hand says what they are.",),
            claims={
                "account_id": "{organization-id}",
                "account_name": "{organization}",
                "pipeline_id": "{pipeline-id}",
                "pipeline_name": "images",
                "workflow_id": "68f00a1d3c5e7b9264d8f1a3",
                "scm_repo_url": "https://github.com/{repository}",
                "scm_ref": "main",
            },
            refused=(
                Refusal("another branch", {"scm_ref": "feature"}),
                Refusal("a pull request", {"scm_pull_request_target_branch": "main"}, Reason.UNTRUSTED_TRIGGER),
            ),
        ),
        "google": Starter(
            asks={
                "organization": Ask(form.LABEL, "the project of the builds' service account"),
                "actor-id": Ask(form.NUMBER, "uniqueId of the service account, which gcloud describes"),
            },
            organization={"name": "{organization}"},
            match={"actor_id": "{actor-id}"},
            pins=("The service account is all that a token names: give each trigger an account of its own.",),
            claims={
                "sub": "{actor-id}",
                "azp": "{actor-id}",
                "email": "images@{organization}.iam.gserviceaccount.com",
                "email_verified": True,
            },
        ),
        "harness": Starter(
            asks={
                "organization": Ask(form.IDENTIFIER, "the identifier of the organization in the account"),
                "organization-id": Ask(form.HARNESS_ACCOUNT, "the account's identifier"),
                "project": Ask(form.IDENTIFIER, "the project's identifier"),
                "pipeline-id": Ask(form.IDENTIFIER, "the pipeline's identifier"),
            },
            settings={"account": "{organization-id}"},
            organization={"id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}"},
            claims_match={"organization_id": "{organization}", "project_id": "{project}"},
            pins=("A pipeline's identifier is unique only within its project.",),
            claims={
                "account_id": "{organization-id}",
                "organization_id": "{organization}",
                "project_id": "{project}",
                "pipeline_id": "{pipeline-id}",
                "context": "PIPELINE_EXECUTION",
            },
            warnings={
                "declared-alone": "Harness proves only the account; a user with an API key can write the other claims",
                "push-from-anywhere": "no claim of Harness says of which branch a run is",
            },
            duration="15m",
        ),
        "hcp-terraform": Starter(
            asks={
                "organization": Ask(form.NAME, "the organization's name"),
                "organization-id": Ask(form.TERRAFORM_ORGANIZATION, "the organization's id, in its settings"),
                "pipeline-id": Ask(form.TERRAFORM_WORKSPACE, "the workspace's id, in its settings"),
            },
            settings={"max_lifetime": "2h"},
            organization={"name": "{organization}", "id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}"},
            pins=("Every phase but apply is refused as an outsider's: a plan runs the code of a pull request.",),
            claims={
                "terraform_organization_id": "{organization-id}",
                "terraform_organization_name": "{organization}",
                "terraform_project_id": "prj-8sNd3VbKe6QyRt1U",
                "terraform_project_name": "images",
                "terraform_workspace_id": "{pipeline-id}",
                "terraform_workspace_name": "images",
                "terraform_run_id": "run-Yb5Zc9GhTk2MwPq7",
                "terraform_run_phase": "apply",
            },
            refused=(Refusal("a plan", {"terraform_run_phase": "plan"}, Reason.UNTRUSTED_TRIGGER),),
            duration="15m",
        ),
        "jenkins": Starter(
            asks={
                "host": Ask(form.HOST, "the host of the controller"),
                "pipeline": Ask(form.JOB_URL, "the whole URL of the job, the branch's of a multibranch job"),
            },
            settings={"host": "{host}"},
            organization={"name": "{host}"},
            match={"pipeline": "{pipeline}"},
            pins=("The job's URL is all that a token names: a branch of a multibranch job has one of its own.",),
            claims={"sub": "{pipeline}", "build_number": 1},
        ),
        "kubernetes": Starter(
            asks={
                "issuer": Ask(form.ISSUER, "issuer of the cluster's /.well-known/openid-configuration"),
                "organization": Ask(form.LABEL, "the namespace"),
                "actor-id": Ask(form.UUID, "metadata.uid of the service account"),
            },
            settings={"issuer": "{issuer}"},
            organization={"name": "{organization}"},
            match={"actor_id": "{actor-id}"},
            pins=("The service account is all that a token names: give each pipeline an account of its own.",),
            claims={
                "sub": "system:serviceaccount:{organization}:images",
                "kubernetes.io": {
                    "namespace": "{organization}",
                    "serviceaccount": {"name": "images", "uid": "{actor-id}"},
                },
            },
        ),
        "semaphore": Starter(
            asks={
                "organization": Ask(form.LABEL, "the organization's name, as in its host"),
                "organization-id": Ask(form.UUID, "the organization's id"),
                "pipeline-id": Ask(form.UUID, "the project's id"),
            },
            settings={"organization": "{organization}"},
            organization={"name": "{organization}", "id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}", "branch": "main"},
            pins=(ONLY_MAIN, "A token is good for a day: keep the duration short."),
            claims={
                "org_id": "{organization-id}",
                "prj_id": "{pipeline-id}",
                "job_id": "e46d82b1-5a90-4f37-83cb-90d1f7c5a2e6",
                "job_type": "pipeline_job",
                "repo": "app",
                "ref": "refs/heads/main",
                "ref_type": "branch",
                "branch": "main",
            },
            refused=(
                Refusal("another branch", {"ref": "refs/heads/feature", "branch": "feature"}),
                Refusal(
                    "a pull request", {"ref_type": "pull-request", "ref": "refs/pull/1/merge"}, Reason.UNTRUSTED_TRIGGER
                ),
            ),
            audience="https://{organization}.semaphoreci.com",
            warnings=SHARED_AUDIENCE,
            duration="15m",
        ),
        "spacelift": Starter(
            asks={
                "organization": Ask(form.LABEL, "the account's name, as in its host"),
                "pipeline-id": Ask(form.NAME, "the stack's slug"),
            },
            settings={"account": "{organization}"},
            organization={"name": "{organization}"},
            match={"pipeline_id": "{pipeline-id}", "event": "TRACKED"},
            claims_match={"callerType": "stack", "scope": "write"},
            pins=("A module may have the stack's name, and a run's scope is read until it is approved.",),
            claims={
                "callerType": "stack",
                "callerId": "{pipeline-id}",
                "runType": "TRACKED",
                "runId": "01KB3XV8N2C6Z4L9P7D5F1S3A0",
                "scope": "write",
            },
            refused=(
                Refusal("a run that is still planning", {"scope": "read"}),
                Refusal("a module of the stack's name", {"callerType": "module"}),
                Refusal("a task", {"runType": "TASK"}),
                Refusal("a proposed run", {"runType": "PROPOSED"}, Reason.UNTRUSTED_TRIGGER),
            ),
            audience="{organization}.app.spacelift.io",
            warnings=SHARED_AUDIENCE,
            duration="15m",
        ),
    }
)

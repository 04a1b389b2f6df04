"""First policies for systems that have the code, too."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange_cli.onboarding import questions as form
from token_exchange_cli.onboarding.starter import ONLY_MAIN, SHARED_AUDIENCE, UNPROVEN_BRANCH, Ask, Refusal, Starter


def _forge(
    server: str,
    *,
    host: Ask,
    event: str,
    extra: Mapping[str, Json],
    is_protected: bool,
) -> Starter:
    protected: dict[str, str | bool] = {"ref_protected": True} if is_protected else {}
    refused = [
        Refusal("another branch", {"ref": "refs/heads/feature"}),
        Refusal("an event that outsiders can cause", {"event_name": event}, Reason.UNTRUSTED_TRIGGER),
    ]
    if is_protected:
        refused.append(Refusal("an unprotected branch main", {"ref_protected": "false"}))
    return Starter(
        asks={
            "host": host,
            "organization": Ask(form.NAME, f"the owner's name on {server}"),
            "organization-id": Ask(form.NUMBER, f"the owner's id, which {server}'s API has as id"),
        },
        settings={"host": "{host}"},
        organization={"name": "{organization}", "id": "{organization-id}"},
        match={"branch": "main", **protected},
        pins=(ONLY_MAIN, "The allowlist has the owner's id, since a name that is given up can be taken by a stranger."),
        by_repository=True,
        claims={
            "repository": "{organization}/app",
            "repository_id": "1",
            "repository_owner": "{organization}",
            "repository_owner_id": "{organization-id}",
            "event_name": "push",
            "ref": "refs/heads/main",
            "ref_type": "branch",
            **extra,
        },
        refused=tuple(refused),
    )


FORGES: Final[Mapping[str, Starter]] = MappingProxyType(
    {
        "azure-devops": Starter(
            asks={
                "organization-id": Ask(form.UUID, "the organization's id, in Azure DevOps' REST API"),
                "project-id": Ask(form.UUID, "the project's id, in Azure DevOps' REST API"),
                "pipeline-id": Ask(form.NUMBER, "the number behind definitionId= in the pipeline's URL"),
            },
            settings={"organization": "{organization-id}"},
            organization={"id": "{organization-id}"},
            match={"pipeline_id": "{pipeline-id}", "branch": "main"},
            claims_match={"prj_id": "{project-id}"},
            pins=("A pipeline's number is unique only within its project.", UNPROVEN_BRANCH),
            claims={
                "sub": "p://organization/project/pipeline",
                "org_id": "{organization-id}",
                "prj_id": "{project-id}",
                "def_id": "{pipeline-id}",
                "rpo_id": "repository",
                "rpo_ref": "refs/heads/main",
                "run_id": "1",
            },
            refused=(
                Refusal("another branch", {"rpo_ref": "refs/heads/feature"}),
                Refusal("a pull request", {"rpo_ref": "refs/pull/1/merge"}, Reason.UNTRUSTED_TRIGGER),
            ),
            audience="api://AzureADTokenExchange",
            warnings=SHARED_AUDIENCE,
            single_use=True,
        ),
        "bitbucket-pipelines": Starter(
            asks={
                "organization": Ask(form.LABEL, "the workspace's slug"),
                "organization-id": Ask(form.UUID, "the workspace's UUID"),
                "repository-id": Ask(form.UUID, "the repository's UUID"),
                "environment-id": Ask(form.UUID, "the UUID of a deployment environment that is limited to main"),
            },
            settings={"workspace": "{organization}"},
            organization={"id": "{organization-id}"},
            match={"repository_id": "{repository-id}", "environment": "{environment-id}"},
            pins=("Have Bitbucket limit the environment to the main branch: some triggers send no branch.",),
            claims={
                "workspaceUuid": "{{organization-id}}",
                "repositoryUuid": "{{repository-id}}",
                "deploymentEnvironmentUuid": "{{environment-id}}",
                "pipelineUuid": "{18f5b6c9-e07a-4d24-93bb-f40a2c6d7e81}",
                "stepUuid": "{f3a9d072-6b5e-4c18-8d41-a7c2e90b5f36}",
                "branchName": "main",
            },
            refused=(Refusal("a step without the environment", {"deploymentEnvironmentUuid": None}),),
        ),
        "forgejo": _forge(
            "Forgejo",
            host=Ask(form.HOST, "the host of your Forgejo"),
            event="pull_request_target",
            extra={"workflow_ref": "{organization}/app/.forgejo/workflows/images.yml@refs/heads/main"},
            is_protected=False,
        ),
        "gitea": _forge(
            "Gitea",
            host=Ask(form.HOST, "the host of your Gitea"),
            event="pull_request_target",
            extra={
                "workflow_ref": "{organization}/app/.gitea/workflows/images.yml@refs/heads/main",
                "run_id": "1",
                "job_id": "images",
            },
            is_protected=False,
        ),
        "github-actions": _forge(
            "GitHub",
            host=Ask(form.HOST, "the host of GitHub Enterprise Server; empty for github.com", optional=True),
            event="issue_comment",
            extra={
                "job_workflow_ref": "{organization}/app/.github/workflows/images.yml@refs/heads/main",
                "ref_protected": "true",
                "repository_visibility": "private",
                "run_id": "1",
            },
            is_protected=True,
        ),
        "gitlab": Starter(
            asks={
                "host": Ask(form.HOST, "the host of your own GitLab; empty for gitlab.com", optional=True),
                "organization": Ask(form.PATH, "the path of the group that holds the projects"),
                "organization-id": Ask(form.NUMBER, "the id of that group, on its page"),
            },
            settings={"issuer": "https://{host}"},
            organization={"name": "{organization}", "id": "{organization-id}"},
            match={"branch": "main", "ref_protected": True},
            pins=(ONLY_MAIN, "A token has the id of the group that holds the project: list each such group."),
            by_repository=True,
            claims={
                "project_path": "{organization}/app",
                "project_id": "1",
                "namespace_path": "{organization}",
                "namespace_id": "{organization-id}",
                "job_id": "1",
                "job_project_id": "1",
                "pipeline_source": "push",
                "ref": "main",
                "ref_type": "branch",
                "ref_path": "refs/heads/main",
                "ref_protected": "true",
            },
            refused=(
                Refusal("another branch", {"ref": "feature", "ref_path": "refs/heads/feature"}),
                Refusal("an unprotected branch main", {"ref_protected": "false"}),
                Refusal("a merge request", {"pipeline_source": "merge_request_event"}, Reason.UNTRUSTED_TRIGGER),
            ),
        ),
        "vela": Starter(
            asks={
                "host": Ask(form.HOST, "the host of your Vela"),
                "organization": Ask(form.NAME, "the owner's name; no token of Vela has its id"),
            },
            settings={"host": "{host}"},
            organization={"name": "{organization}"},
            match={"branch": "main", "event": "push"},
            pins=(ONLY_MAIN, "No claim has an id: when a name is given up, add a deny rule for it."),
            by_repository=True,
            claims={
                "repo": "{organization}/app",
                "build_id": "1",
                "event": "push",
                "ref": "refs/heads/main",
                "branch": "main",
                "pull_fork": "false",
                "token_type": "ID",
            },
            refused=(
                Refusal("another branch", {"ref": "refs/heads/feature", "branch": "feature"}),
                Refusal("a deployment", {"event": "deployment"}),
                Refusal(
                    "a pull request", {"event": "pull_request", "ref": "refs/pull/1/head"}, Reason.UNTRUSTED_TRIGGER
                ),
            ),
        ),
    }
)

"""HCP Terraform: how a job gets its token, and a first policy."""

from types import MappingProxyType
from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: HashiCorp documentation, "Notification configurations API reference", run_url.
    workspace = f"{line.server()}/app/{line.value('organization')}/{line.value('pipeline')}"
    return Job(address=f"{workspace}/runs/{line.value('run_id')}")


SYSTEM: Final = System(
    page="hcp-terraform",
    title="HCP Terraform",
    job=_job,
    setup=("the workspace has the environment variable TFC_WORKLOAD_IDENTITY_AUDIENCE={audience}",),
    token=("token=${TFC_WORKLOAD_IDENTITY_TOKEN:?set TFC_WORKLOAD_IDENTITY_AUDIENCE in the workspace}",),
    format="docker-config",
    image="terraform/shop:latest",
    template_signs=MappingProxyType({"${": "$${", "%{": "%%{"}),
    starter=Starter(
        questions={
            "organization": Question(answers.NAME, "the organization's name"),
            "organization-id": Question(answers.TERRAFORM_ORGANIZATION, "the organization's id, in its settings"),
            "pipeline-id": Question(answers.TERRAFORM_WORKSPACE, "the workspace's id, in its settings"),
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
)

"""Bitbucket Pipelines: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: the addresses of steps in the comments of atlassian/atlassian-frontend, and Atlassian's community article
    # "Working with UUIDs and their curly brackets": a repository's UUID stands for its name.
    repository = f"https://bitbucket.org/{line.value('organization')}/%7B{line.value('repository_id')}%7D"
    run = f"{repository}/pipelines/results/%7B{line.value('run_id')}%7D"
    return Job(address=f"{run}/steps/%7B{line.value('job_id')}%7D")


SYSTEM: Final = System(
    page="bitbucket-pipelines",
    title="Bitbucket Pipelines",
    job=_job,
    setup=('the step has oidc: {audiences: ["{audience}"]}',),
    token=("token=${BITBUCKET_STEP_OIDC_TOKEN:?the step needs oidc}",),
    starter=Starter(
        questions={
            "organization": Question(answers.LABEL, "the workspace's slug"),
            "organization-id": Question(answers.UUID, "the workspace's UUID"),
            "repository-id": Question(answers.UUID, "the repository's UUID"),
            "environment-id": Question(answers.UUID, "the UUID of a deployment environment that is limited to main"),
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
)

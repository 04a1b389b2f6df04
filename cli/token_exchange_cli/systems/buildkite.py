"""Buildkite: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, Job, JobLine
from token_exchange_cli.systems.system import UNPROVEN_BRANCH, Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: Buildkite documentation, BUILDKITE_BUILD_URL, and web_url of a job in the REST API.
    pipeline = f"https://buildkite.com/{line.value('organization')}/{line.value('pipeline')}"
    return Job(address=f"{pipeline}/builds/{line.value('run_id', NUMBER)}#{line.value('job_id')}")


SYSTEM: Final = System(
    page="buildkite",
    title="Buildkite",
    job=_job,
    setup=("the step is a separate script: Buildkite fills in the variables of a pipeline at upload",),
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
    starter=Starter(
        questions={
            "organization": Question(answers.LABEL, "the organization's slug"),
            "organization-id": Question(answers.UUID, "the organization's id, in its settings"),
            "pipeline-id": Question(answers.UUID, "the pipeline's id, in its settings"),
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
)

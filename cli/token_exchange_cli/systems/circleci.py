"""CircleCI: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: DataDog/dd-trace-js, ci.js. The address of a job has its number, which no claim has.
    workflow = line.claim("oidc.circleci.com/workflow-id")
    return Job(address=f"https://app.circleci.com/pipelines/workflows/{workflow}")


SYSTEM: Final = System(
    page="circleci",
    title="CircleCI",
    job=_job,
    token=("""token=$(circleci run oidc get --claims '{"aud": "{audience}"}')""",),
    host='"{host}"',
    starter=Starter(
        questions={
            "organization-id": Question(answers.UUID, "the organization's id, in its settings"),
            "pipeline-id": Question(answers.UUID, "the project's id, in its settings"),
            "repository": Question(answers.REPOSITORY, "where the code is from"),
        },
        settings={"organization": "{organization-id}"},
        organization={"id": "{organization-id}"},
        match={"pipeline_id": "{pipeline-id}", "repository": "{repository}", "branch": "main"},
        pins=("A fork's build has the ids of the project: only the repository distinguishes it.",),
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
)

"""Gitea Actions: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.actions import first_policy, mask_lines, token_lines
from token_exchange_cli.systems.job import NUMBER, PATH, Job, JobLine
from token_exchange_cli.systems.system import Question, System


def _job(line: JobLine) -> Job:
    # Source: go-gitea/gitea, pull request 36842: since it, and so in each version with these tokens, the address of a
    # run has its id.
    repository = f"{line.server(below='/api/actions/oidc')}/{line.value('repository', PATH)}"
    return Job(address=f"{repository}/actions/runs/{line.value('run_id', NUMBER)}")


SYSTEM: Final = System(
    page="gitea",
    title="Gitea Actions",
    job=_job,
    setup=("the job has permissions: {contents: read, id-token: write}",),
    token=token_lines(scheme="bearer", missing="the job needs permissions: id-token: write"),
    masks=mask_lines("Gitea"),
    audience_variable=True,
    starter=first_policy(
        "Gitea",
        host=Question(answers.HOST, "the host of your Gitea"),
        id_from="the id in https://HOST/api/v1/users/OWNER",
        claims={
            "workflow_ref": "{organization}/app/.gitea/workflows/images.yml@refs/heads/main",
            "run_id": "1",
            "job_id": "images",
        },
        untrusted_event="pull_request_target",
        proves_protection=False,
    ),
)

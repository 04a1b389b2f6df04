"""GitLab CI/CD: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, PATH, Job, JobLine
from token_exchange_cli.systems.system import ONLY_MAIN, Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: GitLab documentation, CI_JOB_URL.
    project = f"{line.server()}/{line.value('repository', PATH)}"
    return Job(address=f"{project}/-/jobs/{line.value('job_id', NUMBER)}")


SYSTEM: Final = System(
    page="gitlab",
    title="GitLab CI/CD",
    job=_job,
    setup=("the job has id_tokens: {ECR_TOKEN: {aud: {audience}}}",),
    token=("token=${ECR_TOKEN:?the job needs id_tokens with ECR_TOKEN}",),
    starter=Starter(
        questions={
            "host": Question(answers.HOST, "the host of your own GitLab; empty for gitlab.com", optional=True),
            "organization": Question(answers.PATH, "the path of the group that holds the projects"),
            "organization-id": Question(answers.NUMBER, "the id of that group, on its page"),
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
)

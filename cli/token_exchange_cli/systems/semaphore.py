"""Semaphore: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import ONLY_MAIN, SHARED_AUDIENCE, Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: semaphoreio/semaphore, the routes of its front.
    return Job(address=f"{line.server()}/jobs/{line.value('job_id')}")


SYSTEM: Final = System(
    page="semaphore",
    title="Semaphore",
    job=_job,
    token=("token=${SEMAPHORE_OIDC_TOKEN:?the job has no OpenID Connect token}",),
    fixed_audience="https://{organization}.semaphoreci.com",
    starter=Starter(
        questions={
            "organization": Question(answers.LABEL, "the organization's name, as in its host"),
            "organization-id": Question(answers.UUID, "the organization's id"),
            "pipeline-id": Question(answers.UUID, "the project's id"),
        },
        settings={"organization": "{organization}"},
        organization={"name": "{organization}", "id": "{organization-id}"},
        match={"pipeline_id": "{pipeline-id}", "branch": "main"},
        pins=(ONLY_MAIN, "A token is valid for a day: keep the duration short."),
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
        warnings=SHARED_AUDIENCE,
        duration="15m",
    ),
)

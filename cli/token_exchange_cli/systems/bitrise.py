"""Bitrise: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, Job, JobLine
from token_exchange_cli.systems.system import ONLY_MAIN, Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: Bitrise documentation, "OIDC authentication overview": a token has the number of its build, and not the
    # slug that the build's address has.
    return Job(
        address=f"https://app.bitrise.io/app/{line.value('pipeline_id')}",
        look_up=f"the build with the number {line.value('run_id', NUMBER)}",
    )


SYSTEM: Final = System(
    page="bitrise",
    title="Bitrise",
    job=_job,
    setup=("the step get-identity-token comes before, with audience: {audience}",),
    token=("token=${BITRISE_IDENTITY_TOKEN:?the step get-identity-token must come before}",),
    starter=Starter(
        questions={
            "organization-id": Question(answers.SLUG_16, "the workspace's slug, in its page's URL"),
            "pipeline-id": Question(answers.SLUG_16, "the app's slug, in its page's URL"),
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
)

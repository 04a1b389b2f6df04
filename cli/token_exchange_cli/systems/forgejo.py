"""Forgejo Actions: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.actions import first_policy, mask_lines, token_lines
from token_exchange_cli.systems.job import NUMBER, PATH, Job, JobLine
from token_exchange_cli.systems.system import Question, System


def _job(line: JobLine) -> Job:
    # Source: Forgejo, models/actions/run.go, HTMLURL: a run's address has its number in the repository, not its id.
    repository = f"{line.server(below='/api/actions')}/{line.value('repository', PATH)}"
    return Job(address=f"{repository}/actions/runs/{line.claim('run_number', form=NUMBER)}")


SYSTEM: Final = System(
    page="forgejo",
    title="Forgejo Actions",
    job=_job,
    setup=("the workflow has enable-openid-connect: true",),
    token=token_lines(scheme="bearer", missing="the workflow needs enable-openid-connect"),
    masks=mask_lines("Forgejo"),
    audience_variable=True,
    starter=first_policy(
        "Forgejo",
        host=Question(answers.HOST, "the host of your Forgejo"),
        id_from="the id in https://HOST/api/v1/users/OWNER",
        claims={"workflow_ref": "{organization}/app/.forgejo/workflows/images.yml@refs/heads/main"},
        untrusted_event="pull_request_target",
        proves_protection=False,
    ),
)

"""GitHub Actions: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.actions import first_policy, mask_lines, token_lines
from token_exchange_cli.systems.job import NUMBER, PATH, Job, JobLine
from token_exchange_cli.systems.system import Question, System


def _job(line: JobLine) -> Job:
    # Source: GitHub documentation, GITHUB_SERVER_URL, and html_url of a job in the REST API. On GitHub's own site and
    # on GHE.com, the issuer has another host; a GitHub Enterprise Server is its issuer's host.
    host = line.server().removeprefix("https://").partition("/")[0].removeprefix("token.actions.")
    site = "github.com" if host == "githubusercontent.com" else host
    run = f"https://{site}/{line.value('repository', PATH)}/actions/runs/{line.value('run_id', NUMBER)}"
    # The run's page shows its last attempt, which may be another one.
    return Job(address=f"{run}/job/{line.value('job_id', NUMBER)}" if "job_id" in line.identity else run)


SYSTEM: Final = System(
    page="github-actions",
    title="GitHub Actions",
    job=_job,
    setup=("the job has permissions: {contents: read, id-token: write}",),
    token=token_lines(scheme="Bearer", missing="the job needs permissions: id-token: write"),
    masks=mask_lines("GitHub"),
    host="{host}",
    audience_variable=True,
    starter=first_policy(
        "GitHub",
        host=Question(answers.HOST, "the host of GitHub Enterprise Server; empty for github.com", optional=True),
        id_from="gh api users/OWNER --jq .id",
        claims={
            "job_workflow_ref": "{organization}/app/.github/workflows/images.yml@refs/heads/main",
            "ref_protected": "true",
            "repository_visibility": "private",
            "run_id": "1",
        },
        untrusted_event="issue_comment",
        proves_protection=True,
    ),
)

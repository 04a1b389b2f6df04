"""GitHub Actions: how a job gets its token, and a first policy."""

from collections.abc import Mapping
from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.actions import first_policy, mask_lines, token_lines
from token_exchange_cli.systems.system import Question, System


def _job_address(values: Mapping[str, str]) -> str:
    # Source: GitHub documentation, GITHUB_SERVER_URL. On GitHub's own site the issuer has another host; a GitHub
    # Enterprise Server is its issuer's host.
    host = values["issuer_url"].removeprefix("https://").partition("/")[0]
    site = "github.com" if host == "token.actions.githubusercontent.com" else host
    return f"https://{site}/{values['repository']}/actions/runs/{values['run_id']}"


SYSTEM: Final = System(
    job_address=_job_address,
    page="github-actions",
    title="GitHub Actions",
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

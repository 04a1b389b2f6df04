"""Codefresh: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import SERVER, Job, JobLine
from token_exchange_cli.systems.system import Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: sigstore/fulcio, pkg/identity/codefresh. The preset accepts only the installation that the policy names.
    build = line.value("run_id")
    platform = line.claim("platform_url", form=SERVER) if "platform_url" in line.claims else "https://g.codefresh.io"
    return Job(address=f"{platform}/build/{build}")


SYSTEM: Final = System(
    page="codefresh",
    title="Codefresh",
    job=_job,
    token=(
        """token=$(printf 'Authorization: %s' "$CF_OIDC_REQUEST_TOKEN" |""",
        '  https -f "$CF_OIDC_REQUEST_URL?audience={url_audience}" |',
        """  sed -n 's/.*"id_token" *: *"\\([^"]*\\)".*/\\1/p')""",
        ': "${token:?Codefresh gave no token}"',
    ),
    format="docker-config",
    image="codefresh/shop:latest",
    starter=Starter(
        questions={
            "organization": Question(answers.NAME, "the account's name"),
            "organization-id": Question(answers.HEX_24, "the account's id"),
            "pipeline-id": Question(answers.HEX_24, "the pipeline's id"),
            "repository": Question(answers.REPOSITORY, "where the code is from"),
        },
        organization={"name": "{organization}", "id": "{organization-id}"},
        match={"pipeline_id": "{pipeline-id}", "repository": "{repository}", "ref": "main"},
        pins=("Repository and ref are declared: a member who starts the pipeline by hand says what they are.",),
        claims={
            "account_id": "{organization-id}",
            "account_name": "{organization}",
            "pipeline_id": "{pipeline-id}",
            "pipeline_name": "images",
            "workflow_id": "68f00a1d3c5e7b9264d8f1a3",
            "scm_repo_url": "https://github.com/{repository}",
            "scm_ref": "main",
        },
        refused=(
            Refusal("another branch", {"scm_ref": "feature"}),
            Refusal("a pull request", {"scm_pull_request_target_branch": "main"}, Reason.UNTRUSTED_TRIGGER),
        ),
    ),
)

"""Harness: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import Question, Starter, System


def _job(line: JobLine) -> Job:
    # Source: the addresses of pipelines in harness-community/field-workshops: no claim names an execution.
    account = f"https://app.harness.io/ng/account/{line.value('organization_id')}"
    project = f"{account}/all/orgs/{line.claim('organization_id')}/projects/{line.claim('project_id')}"
    return Job(
        address=f"{project}/pipelines/{line.value('pipeline_id')}/pipeline-studio",
        look_up="in its execution history, the execution at this time",
    )


SYSTEM: Final = System(
    page="harness",
    title="Harness",
    job=_job,
    setup=("the plugin's connector requests an OIDC token with the audience {audience}",),
    token=("token=${PLUGIN_OIDC_TOKEN_ID:?the connector requests no OIDC token}",),
    format="docker-config",
    image="harness/shop:latest",
    starter=Starter(
        questions={
            "organization": Question(answers.IDENTIFIER, "the identifier of the organization in the account"),
            "organization-id": Question(answers.HARNESS_ACCOUNT, "the account's identifier"),
            "project": Question(answers.IDENTIFIER, "the project's identifier"),
            "pipeline-id": Question(answers.IDENTIFIER, "the pipeline's identifier"),
        },
        settings={"account": "{organization-id}"},
        organization={"id": "{organization-id}"},
        match={"pipeline_id": "{pipeline-id}"},
        claims_match={"organization_id": "{organization}", "project_id": "{project}"},
        pins=("A pipeline's identifier is unique only within its project.",),
        claims={
            "account_id": "{organization-id}",
            "organization_id": "{organization}",
            "project_id": "{project}",
            "pipeline_id": "{pipeline-id}",
            "context": "PIPELINE_EXECUTION",
        },
        warnings={
            "declared-alone": "Harness proves only the account; a user with an API key can write the other claims",
            "push-from-anywhere": "no claim of Harness names the branch of a run",
        },
        duration="15m",
    ),
)

"""Azure Pipelines: how a job gets its token, and a first policy."""

import re
from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, Job, JobLine
from token_exchange_cli.systems.system import SHARED_AUDIENCE, UNPROVEN_BRANCH, Question, Refusal, Starter, System

_SUBJECT: Final = re.compile(r"p://[A-Za-z0-9-]+/.+")
"""Source: gravitational/teleport, rfd/0211 (a real token): p://ORGANIZATION/PROJECT/PIPELINE, by name."""


def _job(line: JobLine) -> Job:
    # Source: Azure DevOps REST API, "Runs - Get Run", _links.web: the project's id stands for its name there.
    organization, project = line.claim("sub", form=_SUBJECT).split("/")[2], line.claim("prj_id")
    results = f"https://dev.azure.com/{organization}/{project}/_build/results"
    return Job(address=f"{results}?buildId={line.value('run_id', NUMBER)}")


SYSTEM: Final = System(
    page="azure-devops",
    title="Azure Pipelines",
    job=_job,
    setup=("the step has env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)}",),
    token=(
        ': "${SYSTEM_ACCESSTOKEN:?pass it to the step with env}"',
        """token=$(printf 'Authorization: Bearer %s' "$SYSTEM_ACCESSTOKEN" |""",
        (
            "  https -f -X POST -H 'Content-Type: application/json' -H 'Content-Length: 0'"
            ' "$SYSTEM_OIDCREQUESTURI?api-version=7.1" |'
        ),
        """  sed -n 's/.*"oidcToken" *: *"\\([^"]*\\)".*/\\1/p')""",
    ),
    masks=(
        ('echo "##vso[task.setsecret]${token:?Azure DevOps gave no token}"',),
        ('echo "##vso[task.setsecret]$(cat "$login")"',),
    ),
    fixed_audience="api://AzureADTokenExchange",
    starter=Starter(
        questions={
            "organization-id": Question(answers.UUID, "the organization's id, in Azure DevOps' REST API"),
            "project-id": Question(answers.UUID, "the project's id, in Azure DevOps' REST API"),
            "pipeline-id": Question(answers.NUMBER, "the number after definitionId= in the pipeline's URL"),
        },
        settings={"organization": "{organization-id}"},
        organization={"id": "{organization-id}"},
        match={"pipeline_id": "{pipeline-id}", "branch": "main"},
        claims_match={"prj_id": "{project-id}"},
        pins=("A pipeline's number is unique only within its project.", UNPROVEN_BRANCH),
        claims={
            "sub": "p://organization/project/pipeline",
            "org_id": "{organization-id}",
            "prj_id": "{project-id}",
            "def_id": "{pipeline-id}",
            "rpo_id": "repository",
            "rpo_ref": "refs/heads/main",
            "run_id": "1",
        },
        refused=(
            Refusal("another branch", {"rpo_ref": "refs/heads/feature"}),
            Refusal("a pull request", {"rpo_ref": "refs/pull/1/merge"}, Reason.UNTRUSTED_TRIGGER),
        ),
        warnings=SHARED_AUDIENCE,
        single_use=True,
    ),
)

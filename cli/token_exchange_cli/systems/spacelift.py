"""Spacelift: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import SHARED_AUDIENCE, Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: Spacelift documentation, "Notification policy". The runs of a module's tests have other addresses.
    caller, run = line.value("pipeline_id"), line.value("run_id")
    if line.identity.get("event") == "TESTING":
        return Job(address=line.server(), look_up=f"in the tests of the module {caller}, the run {run}")
    return Job(address=f"{line.server()}/stack/{caller}/run/{run}")


SYSTEM: Final = System(
    page="spacelift",
    title="Spacelift",
    job=_job,
    token=("token=${SPACELIFT_OIDC_TOKEN:?the account has no OIDC tokens}",),
    fixed_audience="{organization}.app.spacelift.io",
    format="docker-config",
    image="spacelift/shop:latest",
    starter=Starter(
        questions={
            "organization": Question(answers.LABEL, "the account's name, as in its host"),
            "pipeline-id": Question(answers.NAME, "the stack's slug"),
        },
        settings={"account": "{organization}"},
        organization={"name": "{organization}"},
        match={"pipeline_id": "{pipeline-id}", "event": "TRACKED"},
        claims_match={"callerType": "stack", "scope": "write"},
        pins=("A module may have the stack's name, and a run's scope is read until it is approved.",),
        claims={
            "callerType": "stack",
            "callerId": "{pipeline-id}",
            "runType": "TRACKED",
            "runId": "01KB3XV8N2C6Z4L9P7D5F1S3A0",
            "scope": "write",
        },
        refused=(
            Refusal("a run that is still planning", {"scope": "read"}),
            Refusal("a module with the stack's name", {"callerType": "module"}),
            Refusal("a task", {"runType": "TASK"}),
            Refusal("a proposed run", {"runType": "PROPOSED"}, Reason.UNTRUSTED_TRIGGER),
        ),
        warnings=SHARED_AUDIENCE,
        duration="15m",
    ),
)

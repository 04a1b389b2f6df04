"""Spacelift: how a job gets its token, and a first policy."""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.system import SHARED_AUDIENCE, Question, Refusal, Starter, System


def _job_address(values: Mapping[str, str]) -> str:
    # Source: Spacelift documentation, "Notification policy". The runs of a module's tests have other addresses.
    if values["event"] == "TESTING":
        raise KeyError("event")
    return f"{values['issuer_url']}/stack/{values['pipeline_id']}/run/{values['run_id']}"


SYSTEM: Final = System(
    job_address=_job_address,
    page="spacelift",
    title="Spacelift",
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
            Refusal("a module of the stack's name", {"callerType": "module"}),
            Refusal("a task", {"runType": "TASK"}),
            Refusal("a proposed run", {"runType": "PROPOSED"}, Reason.UNTRUSTED_TRIGGER),
        ),
        warnings=SHARED_AUDIENCE,
        duration="15m",
    ),
)

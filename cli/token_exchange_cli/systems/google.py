"""Google Cloud Build: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import Question, Starter, System


def _job(line: JobLine) -> Job:
    # Source: Google Cloud documentation, "Verify the identity of instances": no claim names a build.
    return Job(
        address=f"https://console.cloud.google.com/cloud-build/builds?project={line.value('organization')}",
        look_up="the build of this service account at this time, in each region",
    )


SYSTEM: Final = System(
    page="google-cloud-build",
    title="Google Cloud Build",
    job=_job,
    token=(
        'metadata="http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1"',
        "token=$(curl -sSf --max-time 30 --retry 4 -H 'Metadata-Flavor: Google' \\",
        '  "$metadata/instance/service-accounts/default/identity?audience={url_audience}&format=full")',
    ),
    starter=Starter(
        questions={
            "organization": Question(answers.LABEL, "the project of the builds' service account"),
            "actor-id": Question(answers.NUMBER, "uniqueId of the service account, which gcloud describes"),
        },
        organization={"name": "{organization}"},
        match={"actor_id": "{actor-id}"},
        pins=("A token names only the service account: give each trigger its own account.",),
        claims={
            "sub": "{actor-id}",
            "azp": "{actor-id}",
            "email": "images@{organization}.iam.gserviceaccount.com",
            "email_verified": True,
        },
    ),
)

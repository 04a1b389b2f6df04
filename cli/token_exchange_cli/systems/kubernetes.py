"""Kubernetes: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.systems.system import Question, Starter, System


def _job(line: JobLine) -> Job:
    # Source: Kubernetes documentation, "Service Accounts": a token names its pod, and nothing of what started that.
    pod, namespace = line.claim("kubernetes.io", "pod", "name"), line.value("organization")
    return Job(
        look_up=f"in the cluster, the pod {pod} in the namespace {namespace}; if it is gone, search the cluster's "
        "audit log for its uid, which is the run: the runner that created the pod knows the job"
    )


SYSTEM: Final = System(
    page="kubernetes",
    title="Kubernetes",
    job=_job,
    setup=(
        (
            "the pod mounts a projected serviceAccountToken with audience: {audience},"
            " and TOKEN_FILE is the path of its file"
        ),
    ),
    token=('token=$(cat "$TOKEN_FILE")',),
    format="docker-config",
    image="kubernetes/shop:latest",
    starter=Starter(
        questions={
            "issuer": Question(answers.ISSUER, "issuer of the cluster's /.well-known/openid-configuration"),
            "organization": Question(answers.LABEL, "the namespace"),
            "actor-id": Question(answers.UUID, "metadata.uid of the service account"),
        },
        settings={"issuer": "{issuer}"},
        organization={"name": "{organization}"},
        match={"actor_id": "{actor-id}"},
        pins=("A token names only the service account: give each pipeline its own account.",),
        claims={
            "sub": "system:serviceaccount:{organization}:images",
            "kubernetes.io": {
                "namespace": "{organization}",
                "serviceaccount": {"name": "images", "uid": "{actor-id}"},
            },
        },
    ),
)

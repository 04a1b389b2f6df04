"""Jenkins: how a job gets its token, and a first policy."""

import re
from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, Job, JobLine, NotInLineError
from token_exchange_cli.systems.system import Question, Starter, System

_JOB_URL: Final = re.compile(
    r"https://[a-z0-9.-]+(?::[0-9]{1,5})?/(?:(?!(?:\.|%2[Ee]){1,2}/)(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+/)+"
)
"""A whole URL, encoded as Jenkins encodes it, without a part that is another place."""


def _job(line: JobLine) -> Job:
    # Source: jenkinsci/oidc-provider-plugin: sub is the job's URL, JOB_URL, unless the controller's settings make it
    # something else; BUILD_URL has the build's number behind it. The issuer is on the same server.
    job, number = line.value("pipeline", _JOB_URL), line.value("run_id", NUMBER)
    if job.split("/")[2] != line.server().split("/")[2]:
        raise NotInLineError("pipeline")
    return Job(address=f"{job}{number}/")


SYSTEM: Final = System(
    page="jenkins",
    title="Jenkins",
    job=_job,
    setup=(
        ("a credential 'OpenID Connect id token' has the audience {audience}, and withCredentials puts it into TOKEN"),
    ),
    token=("token=${TOKEN:?the credential is empty}",),
    starter=Starter(
        questions={
            "host": Question(answers.HOST, "the host of the controller"),
            "pipeline": Question(answers.JOB_URL, "the whole URL of the job, the branch's of a multibranch job"),
        },
        settings={"host": "{host}"},
        organization={"name": "{host}"},
        match={"pipeline": "{pipeline}"},
        pins=("A token names only the job's URL: each branch of a multibranch job has its own.",),
        claims={"sub": "{pipeline}", "build_number": 1},
    ),
)

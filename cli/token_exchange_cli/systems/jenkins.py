"""Jenkins: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.system import Question, Starter, System

SYSTEM: Final = System(
    page="jenkins",
    title="Jenkins",
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
        pins=("The job's URL is all that a token names: each branch of a multibranch job has its own.",),
        claims={"sub": "{pipeline}", "build_number": 1},
    ),
)

"""Vela: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, PATH, Job, JobLine
from token_exchange_cli.systems.system import ONLY_MAIN, Question, Refusal, Starter, System


def _job(line: JobLine) -> Job:
    # Source: go-vela/server, VELA_ADDR and VELA_WEBUI_ADDR: the issuer is the server, and people use another host.
    repository, build = line.value("repository", PATH), line.claim("build_number", form=NUMBER)
    return Job(look_up=f"in Vela's web interface, the build {build} of {repository}")


SYSTEM: Final = System(
    page="vela",
    title="Vela",
    job=_job,
    setup=('the step has id_request: "yes"',),
    token=(
        """token=$(printf 'Authorization: Bearer %s' "$VELA_ID_TOKEN_REQUEST_TOKEN" |""",
        '  https -f "$VELA_ID_TOKEN_REQUEST_URL?audience={url_audience}" |',
        """  sed -n -E 's/.*"(token|value)" *: *"([^"]*)".*/\\2/p')""",
        "[ -n \"$token\" ] || { echo 'Vela gave no token'; exit 1; }",
    ),
    format="docker-config",
    image="vela/acme/shop:latest",
    starter=Starter(
        questions={
            "host": Question(answers.HOST, "the host of your Vela"),
            "organization": Question(answers.NAME, "the owner's name; no token of Vela has its id"),
        },
        settings={"host": "{host}"},
        organization={"name": "{organization}"},
        match={"branch": "main", "event": "push"},
        pins=(ONLY_MAIN, "No claim has an id: when a name is given up, add a deny rule for it."),
        by_repository=True,
        claims={
            "repo": "{organization}/app",
            "build_id": "1",
            "event": "push",
            "ref": "refs/heads/main",
            "branch": "main",
            "pull_fork": "false",
            "token_type": "ID",
        },
        refused=(
            Refusal("another branch", {"ref": "refs/heads/feature", "branch": "feature"}),
            Refusal("a deployment", {"event": "deployment"}),
            Refusal("a pull request", {"event": "pull_request", "ref": "refs/pull/1/head"}, Reason.UNTRUSTED_TRIGGER),
        ),
    ),
)

"""Vela: how a job gets its token, and a first policy."""

from typing import Final

from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.system import ONLY_MAIN, Question, Refusal, Starter, System

SYSTEM: Final = System(
    page="vela",
    title="Vela",
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

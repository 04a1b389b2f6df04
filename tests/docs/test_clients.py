"""The credential helper as its page installs it."""

import json
import shlex
import subprocess

import pytest

from tests.docs.conftest import Running
from tests.docs.pages import ROOT, blocks, page
from tests.docs.shell import Shell

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def installed(shell: Shell) -> Shell:
    ((_, text),) = blocks("bash", "helper")
    (shell.folder / "clients").symlink_to(ROOT / "clients")
    done = shell.run(text)
    assert done.returncode == 0, done.stderr
    return shell


def get(shell: Shell, running: Running, **variables: str) -> "subprocess.CompletedProcess[str]":
    (helper,) = json.loads((shell.folder / ".docker/config.json").read_text())["credHelpers"].items()
    program = shlex.quote(str(shell.folder / "bin" / f"docker-credential-{helper[1]}"))
    return shell.run(f"printf '%s\\n' '{helper[0]}' | {program} get", ECR_EXCHANGE_URL=running.url, **variables)


def test_it_answers_for_the_registry_of_its_configuration(running: Running, installed: Shell) -> None:
    token = running.backends.issuer.mint("github-actions", audience=running.backends.audience)
    done = get(installed, running, ECR_EXCHANGE_TOKEN=token)
    assert done.returncode == 0, done.stdout
    assert running.backends.aws.registry.login(json.loads(done.stdout)["Secret"]) is not None


def test_dockers_messages_are_as_documented(running: Running, installed: Shell) -> None:
    token = running.backends.issuer.mint("github-actions", audience=running.backends.audience, scenario="push-feature")
    said = get(installed, running, ECR_EXCHANGE_TOKEN=token).stdout
    ((_, shown),) = [(b.language, b.text) for b in page("docs/clients.md").blocks if b.language == "text"]
    start, end = shown.partition("out: `")[2].partition("…")[::2]
    assert said.replace(running.url, "https://exchange.acme.example").startswith(start)
    assert end.strip() == "`"


def test_every_variable_is_one_that_the_helper_reads() -> None:
    script = (ROOT / "clients/docker-credential-ecr-exchange").read_text()
    for row in page("docs/clients.md").table("The credential helper"):
        for name in row[0].strip("`").split():
            if name.startswith("ECR_EXCHANGE_"):
                assert f"${{{name}-}}" in script

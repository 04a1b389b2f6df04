"""The shell lines and pipeline steps of the documents, run for real against the sandbox."""

import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

from sandbox.world import World
from tests.docs.conftest import Running
from tests.docs.pages import Page, blocks, page, pages
from tests.docs.shell import Shell

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


def is_a_login(running: Running, password: str) -> bool:
    return running.world.aws.registry.login(password) is not None


RUN = [(name, text) for name, text in blocks("bash", "run") if name != "docs/sandbox.md"]


@pytest.mark.parametrize(("name", "text"), RUN)
def test_a_line_of_curl_works(running: Running, shell: Shell, name: str, text: str) -> None:
    world = running.world
    token = world.issuer.mint("github-actions", audience=world.audience)
    done = shell.run(
        text,
        EXCHANGE=running.url,
        TOKEN=token,
        ISSUER=world.issuer.issuer_url("gitlab"),
        DOCKER_CONFIG=str(shell.folder / "docker-config"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert token not in shell.seen("curl")
    if "docker login" in text:
        assert shell.seen("docker") == f"login --username AWS --password-stdin {HOST}\n"
        assert is_a_login(running, shell.seen("password"))
    elif "config.json" in text:
        assert HOST in (shell.folder / "docker-config/config.json").read_text()
    else:
        assert done.stdout.startswith("{")


def test_the_lines_are_found() -> None:
    assert {name for name, _ in RUN} == {"docs/api.md"}
    assert len(RUN) == 9


def github_step(page_name: str) -> str:
    ((_, text),) = [found for found in blocks("yaml", "github") if found[0] == page_name]
    step = yaml.safe_load(text)["steps"][0]
    assert set(step["env"]) == {"EXCHANGE", "AUDIENCE"}
    assert yaml.safe_load(text)["permissions"]["id-token"] == "write"
    return str(step["run"])


def run_github_step(running: Running, shell: Shell, page_name: str, scenario: str) -> subprocess.CompletedProcess[str]:
    world = running.world
    temporary = shell.folder / "runner"
    temporary.mkdir()
    return shell.run(
        github_step(page_name),
        EXCHANGE=running.url,
        AUDIENCE=world.audience,
        RUNNER_TEMP=str(temporary),
        # As GitHub's: it has a query already, to which the audience is added.
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{world.issuer.url}/mint/github-actions?{urlencode({'scenario': scenario})}",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="the-token-of-the-request",
    )


STEPS = pytest.mark.parametrize("page_name", ["README.md", "docs/getting-started.md"])

# GitHub's runners have jq; a laptop may not.
NEEDS_JQ = pytest.mark.program("jq")


@NEEDS_JQ
@STEPS
def test_the_step_of_github_logs_in(running: Running, shell: Shell, page_name: str) -> None:
    done = run_github_step(running, shell, page_name, "push-main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell.seen("docker") == f"login --username AWS --password-stdin {HOST}\n"
    assert is_a_login(running, shell.seen("password"))
    assert not list((shell.folder / "runner").iterdir())
    assert "the-token-of-the-request" not in shell.seen("curl")
    assert "eyJ" not in shell.seen("curl") + done.stdout + done.stderr


@NEEDS_JQ
@STEPS
def test_the_step_of_github_fails_and_says_why(running: Running, shell: Shell, page_name: str) -> None:
    done = run_github_step(running, shell, page_name, "push-feature")
    assert done.returncode == 1
    assert "no-matching-grant" in done.stdout
    assert shell.seen("docker") == ""


def gitlab_job(text: str) -> tuple[str, str]:
    job = yaml.safe_load(text)["push-image"]
    return job["id_tokens"]["ECR_TOKEN"]["aud"], job["script"][0]


@pytest.mark.parametrize(("scenario", "status"), [("push-main", 0), ("push-feature", 1)])
def test_the_job_of_gitlab(running: Running, shell: Shell, scenario: str, status: int) -> None:
    ((_, text),) = blocks("yaml", "gitlab")
    audience, script = gitlab_job(text)
    token = running.world.issuer.mint("gitlab", audience=audience, scenario=scenario)
    done = shell.run(script, interpreter="sh", EXCHANGE=running.url, ECR_TOKEN=token)
    assert done.returncode == status, done.stdout + done.stderr
    assert token not in shell.seen("curl")
    if status == 0:
        assert is_a_login(running, shell.seen("password"))
        assert not (shell.folder / "login").exists()
    else:
        assert "no-matching-grant" in done.stdout
        assert shell.seen("docker") == ""


def test_the_faults_of_the_sandbox_can_be_planned_as_shown(tmp_path: Path) -> None:
    with World(tmp_path / "world") as world:
        shell = Shell(folder=tmp_path, ca_bundle=world.issuer.ca_bundle)
        ((_, text),) = [found for found in blocks("bash", "run") if found[0] == "docs/sandbox.md"]
        script = text.replace("http://127.0.0.1:4566", world.aws.url).replace(
            "https://localhost:8443", world.issuer.url
        )
        script = script.replace(".sandbox/ca.pem", shlex.quote(str(world.issuer.ca_bundle))).replace(
            "curl ", "curl -sS --fail "
        )
        done = shell.run(script)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("found", pages(), ids=lambda found: found.name)
def test_every_shell_block_is_one(found: Page) -> None:
    for block in found.blocks:
        if block.language == "bash":
            done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, block.text + done.stderr


def test_no_line_puts_a_token_on_a_command_line() -> None:
    for found in pages():
        for block in found.blocks:
            if block.language in ("bash", "yaml"):
                assert "--oauth2-bearer" not in block.text
                assert "-H 'Authorization" not in block.text
                assert '-H "Authorization' not in block.text


def test_the_step_is_the_same_in_readme_and_guide() -> None:
    assert github_step("README.md") == github_step("docs/getting-started.md")
    assert page("README.md").text.count("```yaml github") == 1

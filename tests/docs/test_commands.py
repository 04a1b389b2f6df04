"""The shell lines and pipeline steps of the documents, run for real against the sandbox."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sandbox.backends import Backends
from sandbox.loopback import Server
from tests.docs.conftest import Running
from tests.docs.pages import blocks, page, pages
from tests.docs.shell import Shell
from tests.docs.shipped_steps import STEPS
from tests.docs.step_runs import HOST, Run, run_step
from tests.front_door import forwarding
from tests.tls_server import authority, loopback_context


def is_a_login(running: Running, password: str) -> bool:
    return running.backends.aws.registry.login(password) is not None


RUN = [(name, text) for name, text in blocks("bash", "run") if name != "docs/sandbox.md"]


@pytest.mark.parametrize(("name", "text"), RUN)
def test_a_line_of_curl_works(running: Running, shell: Shell, name: str, text: str) -> None:
    backends = running.backends
    token = backends.issuer.mint("github-actions", audience=backends.audience)
    done = shell.run(
        text,
        EXCHANGE=running.url,
        TOKEN=token,
        ISSUER=backends.issuer.issuer_url("gitlab"),
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
    assert {name for name, _ in RUN} == {"docs/api.md", "docs/first-day/pipeline.md"}
    assert len(RUN) == 10


def test_a_first_day_has_at_most_ten_commands() -> None:
    days = [found for found in pages() if found.name.startswith("docs/first-day/")]
    assert len(days) == 3
    for found in days:
        run = [block for block in found.blocks if block.language == "bash" and block.use in ("run", "doctor")]
        sessions = [block for block in found.blocks if block.language == "console"]
        commands = [line for block in sessions for line in block.text.splitlines() if line.startswith("$ ")]
        assert 0 < len(run) + len(commands) <= 10
        # Every block with a command is run: here, with the tests of doctor, or as a session.
        assert len(run) + len(sessions) == len([block for block in found.blocks if block.language != "text"])


def test_a_job_of_github_has_what_the_step_needs() -> None:
    found = dict(blocks("yaml", "github"))
    assert set(found) == {"README.md", "docs/getting-started.md"}
    for text in found.values():
        job = yaml.safe_load(text)
        assert set(job["steps"][0]["env"]) == {"EXCHANGE", "AUDIENCE"}
        assert job["permissions"]["id-token"] == "write"


STEPS_OF_GITHUB = pytest.mark.parametrize("name", ["README.md", "getting started, GitHub"])


@pytest.fixture(scope="module")
def front(running: Running) -> Iterator[str]:
    """The service by TLS, without which no step sends a token."""
    with Server(forwarding(running.url), tls=loopback_context()) as server:
        yield f"https://127.0.0.1:{server.port}"


@pytest.fixture
def front_bundle(tmp_path: Path) -> Path:
    path = tmp_path / "ca-of-the-front.pem"
    path.write_text(authority().bundle)
    return path


def run_named_step(running: Running, front: str, bundle: Path, folder: Path, name: str, scenario: str) -> Run:
    of_name, ci = STEPS[name]
    backends = running.backends
    token = backends.issuer.mint(ci.provider, audience=backends.audience, scenario=scenario)
    return run_step(ci, ci.step(page(of_name)), folder / "job", exchange=front, token=token, ca_bundle=bundle)


@STEPS_OF_GITHUB
def test_the_step_of_github_logs_in(
    running: Running, front: str, front_bundle: Path, tmp_path: Path, name: str
) -> None:
    run = run_named_step(running, front, front_bundle, tmp_path, name, "push-main")
    assert run.status == 0, run.printed
    assert run.shell.seen("docker") == f"login --username AWS --password-stdin {HOST}\n"
    assert is_a_login(running, run.shell.seen("password"))
    assert run.left == ()
    assert "of-the-job" not in run.shell.seen("curl")
    assert "eyJ" not in run.shell.seen("curl") + run.unmasked(STEPS[name][1])


@STEPS_OF_GITHUB
def test_the_step_of_github_fails_and_says_why(
    running: Running, front: str, front_bundle: Path, tmp_path: Path, name: str
) -> None:
    run = run_named_step(running, front, front_bundle, tmp_path, name, "push-feature")
    assert run.status == 1
    assert "no-matching-grant" in run.printed
    assert run.shell.seen("docker") == ""


@pytest.mark.parametrize(("scenario", "status"), [("push-main", 0), ("push-feature", 1)])
def test_the_job_of_gitlab(
    running: Running, front: str, front_bundle: Path, tmp_path: Path, scenario: str, status: int
) -> None:
    run = run_named_step(running, front, front_bundle, tmp_path, "getting started, GitLab", scenario)
    assert run.status == status, run.printed
    assert "eyJ" not in run.shell.seen("curl") + run.printed
    assert run.left == ()
    if status == 0:
        assert is_a_login(running, run.shell.seen("password"))
    else:
        assert "no-matching-grant" in run.printed
        assert run.shell.seen("docker") == ""


def test_the_faults_of_the_sandbox_can_be_planned_as_shown(tmp_path: Path) -> None:
    with Backends(tmp_path / "backends") as backends:
        shell = Shell(folder=tmp_path, ca_bundle=backends.issuer.ca_bundle)
        ((_, text),) = [found for found in blocks("bash", "run") if found[0] == "docs/sandbox.md"]
        script = text.replace("http://127.0.0.1:4566", backends.aws.url).replace(
            "https://localhost:8443", backends.issuer.url
        )
        script = script.replace(".sandbox/ca.pem", shlex.quote(str(backends.issuer.ca_bundle))).replace(
            "curl ", "curl -sS --fail "
        )
        done = shell.run(script)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_shell_block_is_one(subtests: pytest.Subtests) -> None:
    for found in pages():
        with subtests.test(page=found.name):
            for block in found.blocks:
                if block.language == "bash":
                    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
                    assert done.returncode == 0, block.text + done.stderr


SECRET_HEADER = re.compile(r"(-H|--header)[ =]*['\"]?[A-Za-z_-]*(authorization|token)", re.IGNORECASE)


def test_no_line_puts_a_token_on_a_command_line() -> None:
    for found in pages():
        for block in found.blocks:
            if block.language in ("bash", "sh", "yaml", "hcl", "groovy", "text"):
                assert "--oauth2-bearer" not in block.text
                assert "--config -" not in block.text
                assert not SECRET_HEADER.search(block.text), found.name

"""`docker-credential-ecr-exchange` as docker calls it, in every shell that people have."""

import base64
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sandbox.backends import Backends
from sandbox.service import Service
from tests.clients.shop import HELPER
from tests.front_door import BUSY, FAULTS, REASON, STALE, Door, front_door
from tests.tls_server import authority

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
NOT_FOUND = "credentials not found in native keychain\n"

# Every command line is written down: no token may be on one.
CURL = """#!/bin/sh
printf '%s\\n' "$*" >>"$SEEN"
exec "$REAL_CURL" "$@" ${CURL_OPTIONS-}
"""
# The pauses between the tries are written down in the place of waiting.
SLEEP = """#!/bin/sh
printf '%s ' "$1" >>"$PAUSES"
"""

SHELLS = [
    pytest.param(("dash",), marks=pytest.mark.program("dash"), id="dash"),
    pytest.param(("bash", "--posix"), id="bash"),
    pytest.param(("busybox", "sh"), marks=pytest.mark.program("busybox"), id="busybox"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A CI job, and the backends that its login needs."""

    backends: Backends
    url: str
    log: Path

    def token(self, scenario: str = "push-main", provider: str = "github-actions") -> str:
        return self.backends.issuer.mint(provider, audience=self.backends.audience, scenario=scenario)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder = tmp_path_factory.mktemp("job")
    log = folder / "service.log"
    with (
        Backends(folder) as backends,
        log.open("wb") as output,
        Service(backends.environment(), output=output, errors=output) as service,
    ):
        yield Job(backends=backends, url=service.url, log=log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """The helper in a shell, with an environment that holds nothing else."""

    folder: Path
    job: Job
    shell: tuple[str, ...] = ("sh",)

    def run(self, action: str = "get", stdin: str = HOST, **variables: str) -> "subprocess.CompletedProcess[str]":
        programs, scratch = self.folder / "bin", self.folder / "scratch"
        for made in (programs, scratch):
            made.mkdir(exist_ok=True)
        for name, text in (("curl", CURL), ("sleep", SLEEP)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SEEN": str(self.folder / "seen"),
            "PAUSES": str(self.folder / "pauses"),
            "REAL_CURL": shutil.which("curl") or "curl",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "ECR_EXCHANGE_URL": self.job.url,
            "CURL_CA_BUNDLE": str(self.job.backends.issuer.ca_bundle),
            **variables,
        }
        done = subprocess.run(
            [*self.shell, str(HELPER), action],
            cwd=scratch,
            env={name: value for name, value in environment.items() if value},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not list(scratch.iterdir()), "nothing is written to disk"
        return done

    def seen(self) -> str:
        path = self.folder / "seen"
        return path.read_text() if path.exists() else ""

    def pauses(self) -> list[int]:
        path = self.folder / "pauses"
        return [int(seconds) for seconds in path.read_text().split()] if path.exists() else []


@pytest.fixture
def helper(job: Job, tmp_path: Path) -> Helper:
    return Helper(folder=tmp_path, job=job)


def assert_login(job: Job, done: "subprocess.CompletedProcess[str]", host: str = HOST) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["ServerURL"], answer["Username"]) == (host, "AWS")
    assert job.backends.aws.registry.login(answer["Secret"]) is not None


def assert_failed(helper: Helper, done: "subprocess.CompletedProcess[str]", message: str) -> None:
    """Check that docker, which reads standard output, and a person are told the same."""
    assert done.returncode == 1
    assert message in done.stdout
    assert done.stdout in done.stderr
    assert "eyJ" not in done.stdout + done.stderr + helper.seen()


@pytest.mark.parametrize("shell", SHELLS)
class TestInEveryShell:
    def test_prints_a_login(self, job: Job, tmp_path: Path, shell: tuple[str, ...]) -> None:
        helper = Helper(folder=tmp_path, job=job, shell=shell)
        token = job.token()
        assert_login(job, helper.run(ECR_EXCHANGE_TOKEN=token))
        assert f"registry={HOST}" in helper.seen()
        assert token not in helper.seen()

    def test_fetches_githubs_token_itself(self, job: Job, tmp_path: Path, shell: tuple[str, ...]) -> None:
        helper = Helper(folder=tmp_path, job=job, shell=shell)
        query = urlencode({"scenario": "push-main"})  # as GitHub's address, it has a query already
        done = helper.run(
            ECR_EXCHANGE_AUDIENCE=job.backends.audience,
            ACTIONS_ID_TOKEN_REQUEST_URL=f"{job.backends.issuer.url}/mint/github-actions?{query}",
            ACTIONS_ID_TOKEN_REQUEST_TOKEN="the-token-of-the-request",
        )
        assert_login(job, done)
        assert "the-token-of-the-request" not in helper.seen()
        assert "eyJ" not in helper.seen()

    def test_says_why_there_is_none(self, job: Job, tmp_path: Path, shell: tuple[str, ...]) -> None:
        helper = Helper(folder=tmp_path, job=job, shell=shell)
        done = helper.run(ECR_EXCHANGE_TOKEN=job.token("push-feature"))
        assert_failed(
            helper, done, f"{job.url} answered 403, no-matching-grant: no grant allows this: 'own-images' wants"
        )

    def test_get_without_a_login_reports_not_found(self, job: Job, tmp_path: Path, shell: tuple[str, ...]) -> None:
        helper = Helper(folder=tmp_path, job=job, shell=shell)
        done = helper.run(stdin="registry.example", ECR_EXCHANGE_TOKEN=job.token())
        assert (done.returncode, done.stdout) == (1, NOT_FOUND)


def test_a_token_command_takes_precedence(job: Job, helper: Helper) -> None:
    (helper.folder / "token").write_text(job.token() + "\n")
    command = f"cat {shlex.quote(str(helper.folder / 'token'))}"
    done = helper.run(ECR_EXCHANGE_TOKEN_COMMAND=command, ECR_EXCHANGE_TOKEN=job.token("push-feature"))
    assert_login(job, done)


@pytest.mark.parametrize(
    ("variable", "provider"),
    [("BITBUCKET_STEP_OIDC_TOKEN", "bitbucket-pipelines"), ("BITRISE_IDENTITY_TOKEN", "bitrise")],
)
def test_takes_the_variable_of_a_ci_system(job: Job, helper: Helper, variable: str, provider: str) -> None:
    base = "444455556666.dkr.ecr.us-east-1.amazonaws.com"
    token = job.backends.issuer.mint(provider, audience=job.backends.audience)
    assert_login(job, helper.run(stdin=base, **{variable: token}), host=base)


@pytest.mark.parametrize("stdin", [f"{HOST}\n", f"https://{HOST}", f"https://{HOST}/v2/\n", f"http://{HOST}/"])
def test_takes_a_host_as_docker_writes_it(job: Job, helper: Helper, stdin: str) -> None:
    assert_login(job, helper.run(stdin=stdin, ECR_EXCHANGE_TOKEN=job.token()))


@pytest.mark.parametrize(
    "stdin", ["", "\n", "https:///", "a b", 'x"y', "x&format=password", "x%26", "-o\\x", "Ä", "$(id)"]
)
def test_a_host_that_is_not_one_is_not_contacted(job: Job, helper: Helper, stdin: str) -> None:
    done = helper.run(stdin=stdin, ECR_EXCHANGE_TOKEN=job.token())
    assert (done.returncode, done.stdout) == (1, NOT_FOUND)
    assert helper.seen() == ""


@pytest.mark.parametrize(
    "url",
    [
        # the token would cross a network in the clear
        "http://exchange.acme.example",
        "http://127.0.0.1.acme.example",
        "http://localhostile.example",
        "http://localhost@acme.example",
        # no address
        "",
        "exchange.acme.example",
        "ftp://exchange.acme.example",
        'https://x" output = "/tmp/x',
        "https://x?y=",
        "https://x\nhttps://y",
        # one of several
        "  ",
        "https://exchange.acme.example http://exchange.acme.example",
        "https://exchange.acme.example exchange.acme.example",
        "https://exchange.acme.example https://x?y=",
        "https://exchange.acme.example\thttps://y",
        "https://*",
    ],
)
def test_a_url_that_is_not_one_is_not_contacted(job: Job, helper: Helper, url: str) -> None:
    done = helper.run(ECR_EXCHANGE_URL=url, ECR_EXCHANGE_TOKEN=job.token())
    assert_failed(helper, done, "ECR_EXCHANGE_URL: expected")
    assert helper.seen() == ""


@pytest.mark.parametrize(
    "token",
    ['x"\noutput = "stolen', "a.b.c\nurl = https://acme.example", "a b", "a.b.c\\", "<html>"],
)
def test_an_unusable_token_writes_no_configuration(helper: Helper, token: str) -> None:
    assert_failed(helper, helper.run(ECR_EXCHANGE_TOKEN=token), "is not a JSON web token")
    assert helper.seen() == ""


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "found no CI token"),
        ({"ECR_EXCHANGE_TOKEN_COMMAND": "exit 3"}, "ECR_EXCHANGE_TOKEN_COMMAND failed with status 3"),
        ({"ECR_EXCHANGE_TOKEN_COMMAND": "true"}, "the CI token is empty"),
        (
            {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://localhost", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"},
            "ECR_EXCHANGE_AUDIENCE is not set",
        ),
        (
            {
                "ACTIONS_ID_TOKEN_REQUEST_URL": "https://localhost",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": 'x"\nurl = "https://acme.example',
                "ECR_EXCHANGE_AUDIENCE": "a",
            },
            "the CI system returned no token",
        ),
    ],
)
def test_a_job_without_a_token_gets_a_message(helper: Helper, variables: dict[str, str], message: str) -> None:
    assert_failed(helper, helper.run(**variables), message)
    assert helper.seen() == ""


def test_an_unreachable_service_is_named(job: Job, helper: Helper) -> None:
    done = helper.run(ECR_EXCHANGE_URL="http://127.0.0.1:1", ECR_EXCHANGE_TOKEN=job.token())
    assert done.returncode == 1
    assert "no response from http://127.0.0.1:1: curl exited with status 7" in done.stdout
    assert helper.pauses() == [1, 2, 4, 8]


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with front_door() as opened:
        yield opened


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_network_faults_cost_no_login_and_print_none(
    job: Job, door: Door, tmp_path: Path, shell: tuple[str, ...], fault: str
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(authority().bundle)
    helper = Helper(folder=tmp_path, job=job, shell=shell)
    done = helper.run(
        ECR_EXCHANGE_URL=f"{door.url}/{fault}/{shell[0]}",
        ECR_EXCHANGE_TOKEN=job.token(),
        CURL_CA_BUNDLE=str(bundle),
        CURL_OPTIONS=FAULTS[fault].curl,
    )
    if FAULTS[fault].logs_in:
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout)["Secret"] == door.password
        assert not door.shows_in(done.stderr)
        assert helper.pauses() == [1, 2, 4, 8][: len(FAULTS[fault].tries) - 1]
    else:
        expected = f"answered 403, {REASON}" if fault.startswith("refused") else "no response from "
        assert_failed(helper, done, expected)
        assert STALE.decode() not in done.stdout + done.stderr


@pytest.fixture
def at_the_door(job: Job, tmp_path: Path) -> Helper:
    """Return a helper, and write the certificate of the door where it can find it."""
    (tmp_path / "ca.pem").write_text(authority().bundle)
    return Helper(folder=tmp_path, job=job)


@pytest.mark.parametrize("first", ["dead", "cut", "gone-after-an-answer", *BUSY])
@pytest.mark.parametrize("shell", SHELLS)
def test_the_next_address_is_tried(
    job: Job, door: Door, at_the_door: Helper, shell: tuple[str, ...], first: str
) -> None:
    helper = replace(at_the_door, shell=shell)
    url = "https://127.0.0.1:1" if first == "dead" else f"{door.url}/{first}/next-{shell[0]}"
    done = helper.run(
        ECR_EXCHANGE_URL=f"{url}/ {door.url}/none/next/",
        ECR_EXCHANGE_TOKEN=job.token(),
        CURL_CA_BUNDLE=str(helper.folder / "ca.pem"),
    )
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["Secret"] == door.password
    assert STALE.decode() not in done.stdout
    assert helper.pauses() == [1, 2, 4, 8]


def test_a_refusal_of_the_first_address_is_final(job: Job, door: Door, at_the_door: Helper) -> None:
    done = at_the_door.run(
        ECR_EXCHANGE_URL=f"{door.url}/refused/final {door.url}/none/final",
        ECR_EXCHANGE_TOKEN=job.token(),
        CURL_CA_BUNDLE=str(at_the_door.folder / "ca.pem"),
    )
    assert_failed(at_the_door, done, f"{door.url}/refused/final answered 403, {REASON}")
    assert door.tries("none/final") == 0


def test_the_last_address_that_fails_is_named(job: Job, door: Door, at_the_door: Helper) -> None:
    done = at_the_door.run(
        ECR_EXCHANGE_URL=f"{door.url}/throttled/last https://127.0.0.1:1",
        ECR_EXCHANGE_TOKEN=job.token(),
        CURL_CA_BUNDLE=str(at_the_door.folder / "ca.pem"),
    )
    assert_failed(at_the_door, done, "no response from https://127.0.0.1:1: curl exited with status 7")
    assert at_the_door.pauses() == [1, 2, 4, 8, 1, 2, 4, 8]


def test_an_answer_that_stays_is_not_waited_for(job: Job, helper: Helper) -> None:
    assert helper.run(ECR_EXCHANGE_TOKEN=job.token("push-feature")).returncode == 1
    assert helper.pauses() == []


def test_an_answer_of_another_service_is_not_a_login(job: Job, helper: Helper) -> None:
    done = helper.run(ECR_EXCHANGE_URL=f"{job.backends.aws.url}/_control", ECR_EXCHANGE_TOKEN=job.token())
    assert_failed(helper, done, "/_control answered 400")


def test_keeps_nothing(helper: Helper) -> None:
    login = json.dumps({"ServerURL": HOST, "Username": "AWS", "Secret": base64.b64encode(b"secret").decode()})
    stored = helper.run("store", login)
    assert_failed(helper, stored, "nothing is stored")
    erased = helper.run("erase", HOST)
    assert (erased.returncode, erased.stdout, erased.stderr) == (0, "", "")
    listed = helper.run("list", "")
    assert (listed.returncode, listed.stdout) == (0, "{}\n")


@pytest.mark.parametrize("action", ["", "fetch"])
def test_wrong_use_is_explained(helper: Helper, action: str) -> None:
    done = helper.run(action)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")


def test_the_token_is_not_in_the_services_log(job: Job, helper: Helper) -> None:
    token = job.token()
    assert_login(job, helper.run(ECR_EXCHANGE_TOKEN=token))
    assert token.rpartition(".")[2] not in job.log.read_text()


@pytest.mark.program("shellcheck")
@pytest.mark.parametrize("dialect", ["sh", "dash", "bash"])
def test_shellcheck_has_nothing_to_say(dialect: str) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell", dialect, "--severity", "style", str(HELPER)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == ""

"""Every login step that ships, against a front door that fails: no login is lost, none is printed, none is left."""

import dataclasses
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.loopback import Answer, Request, Server
from tests.docs.ci_systems import CI, Ci
from tests.docs.pages import Page, page
from tests.docs.shipped_steps import FORMS, STEPS
from tests.docs.step_runs import Run, prepare, run_step
from tests.front_door import FAULTS, REASON, STALE, Door

pytestmark = pytest.mark.program("curl")

TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
SHELLS = pytest.mark.parametrize(
    "interpreter",
    [
        "bash",
        pytest.param("dash", marks=pytest.mark.program("dash")),
        pytest.param("busybox sh", marks=pytest.mark.program("busybox")),
    ],
)
SEVERAL = [*FORMS, "several addresses"]
"""The steps that take several addresses."""
KINDS = ["docs/ci/gitlab.md", "docs/ci/github-actions.md", "docs/ci/vela.md", "several addresses"]
"""With `sh`; with bash, and an endpoint for the token; without docker; with several addresses."""


def script_of(name: str) -> tuple[Ci, str]:
    of_name, ci = STEPS[name]
    return ci, ci.step(page(of_name))


# ------------------------------------------------------------------------------------------------------------ one shape


@dataclass(frozen=True, slots=True)
class Shape:
    """The step as its page explains it: what each has in common, around the lines that a system has of its own."""

    start: str
    exchange: str

    @classmethod
    def of(cls, found: Page, use: str = "shape") -> "Shape":
        (text,) = [block.text for block in found.blocks if (block.language, block.use) == ("sh", use)]
        start, _, rest = text.partition("  token=$TOKEN\n")
        exchange, _, end = rest.partition("  docker login ")
        assert end.endswith('"$login"\n)\n')
        return cls(start, exchange)

    def pattern(self) -> re.Pattern[str]:
        exchange = re.escape(self.exchange)
        others = {"registry=apps": r"registry=[^&\n]+", "format=password": r"format=(?P<format>[a-z-]+)"}
        for part, other in others.items():
            exchange = exchange.replace(re.escape(part), other)
        return re.compile(
            f"^{re.escape(self.start)}(?P<token>(?:  .*\n)+){exchange}(?P<use>(?:  .*\n)+)[)]$", re.MULTILINE
        )


def test_every_step_is_the_shape_that_the_guide_explains(subtests: pytest.Subtests) -> None:
    for name in STEPS:
        with subtests.test(name=name):
            ci, script = script_of(name)
            shape = Shape.of(page("docs/ci/README.md"), "addresses" if name in SEVERAL else "shape")
            (found,) = shape.pattern().finditer(script)
            assert script.count("/v1/token") == 1
            # A subshell ends with all that it set and trapped; what is outside has no part in the login.
            outside = script[: found.start()] + script[found.end() :]
            assert "login" not in outside
            assert "umask" not in outside
            # What is the system's own has no file but the step's, and no curl that waits for ever.
            for line in (found["token"] + found["use"]).splitlines():
                assert "mktemp" not in line
                assert "jq" not in line.split()
                assert not re.search(r"\bcurl\b", line) or "--max-time" in line
            assert ("--authfile" in found["use"]) is (found["format"] == "docker-config") is (ci.login == "authfile")


def test_the_shape_bounds_time_and_needs_https() -> None:
    shape = Shape.of(page("docs/ci/README.md"))
    for option in ("--proto '=https'", "--connect-timeout", "--max-time", "--retry 4", "--retry-max-time 60"):
        assert option in shape.start
    assert "--retry-all-errors" in shape.exchange


# ----------------------------------------------------------------------------------------------------- in front of them


def run_all(address: str, folder: Path, ca_bundle: Path, *, names: Iterable[str], options: str) -> dict[str, Run]:
    """Run these steps at once, since most of their time is curl's waiting; `address` names the number of each."""

    def run(numbered: tuple[int, str]) -> tuple[str, Run]:
        number, name = numbered
        ci, script = script_of(name)
        exchange, job = address.format(number=number), folder / str(number)
        return name, run_step(
            ci, script, job, exchange=exchange, token=TOKEN, ca_bundle=ca_bundle, CURL_OPTIONS=options
        )

    with ThreadPoolExecutor(max_workers=len(STEPS)) as threads:
        return dict(threads.map(run, enumerate(names)))


def run_against(door: Door, folder: Path, ca_bundle: Path, *, fault: str) -> dict[str, Run]:
    """Run every step against the door with a fault of each sort, and one of each kind with the others.

    What answers a fault is the same in each step: see `test_every_step_is_the_shape_that_the_guide_explains`.
    """
    # With a slash at the end, the address is the same.
    address = f"{door.url}/{fault}/{{number}}{'/' if fault == 'none' else ''}"
    names = STEPS if fault in {"none", "each-once", "refused", "cut"} else KINDS
    return run_all(address, folder, ca_bundle, names=names, options=FAULTS[fault].curl)


def problems(door: Door, runs: dict[str, Run], check: Callable[[Run, Ci], bool]) -> dict[str, str]:
    """Return the steps that break the rule, or show or leave what none may; with what they printed."""
    found = {}
    for name, run in runs.items():
        ci = STEPS[name][1]
        shown = run.unmasked(ci) + run.shell.seen("curl") + run.shell.seen("skopeo") + run.shell.seen("docker")
        if not check(run, ci) or door.shows_in(shown) or TOKEN in shown or left_by(run, ci):
            found[name] = f"status {run.status}, left {left_by(run, ci)}: {run.printed}"
    return found


def left_by(run: Run, ci: Ci) -> tuple[str, ...]:
    """Return what lies where temporary files go, and what the step wrote into the folder of the project."""
    own = {"script", "bin", "runner", "docker", "curl", "skopeo", "password", "authfile", "token", "masked", "output"}
    own |= {ci.program[0]} if ci.program else set()
    return run.left + tuple(path.name for path in run.shell.folder.iterdir() if path.name not in own)


def logged_in(run: Run, ci: Ci) -> bool:
    used = "password" if ci.login == "docker" else "authfile"
    return run.status == 0 and run.shell.seen(used) != ""


def not_logged_in(run: Run, _: Ci) -> bool:
    return run.status != 0 and run.shell.seen("docker") == run.shell.seen("skopeo") == ""


@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if fault.logs_in])
def test_a_transient_failure_loses_no_login(door: Door, tmp_path: Path, ca_bundle: Path, fault: str) -> None:
    runs = run_against(door, tmp_path, ca_bundle, fault=fault)
    assert problems(door, runs, logged_in) == {}
    whole = (door.password, door.login("docker-config").decode())
    for name, run in runs.items():
        assert (run.shell.seen("password") + run.shell.seen("authfile")).strip() in whole, name
        assert STALE.decode() not in run.printed, name


LASTING = [name for name, fault in FAULTS.items() if not fault.logs_in]


@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_failure_prints_and_leaves_no_login(door: Door, tmp_path: Path, ca_bundle: Path, fault: str) -> None:
    runs = run_against(door, tmp_path, ca_bundle, fault=fault)
    assert problems(door, runs, not_logged_in) == {}
    for name, run in runs.items():
        # Only the last answer is shown, and only where there was one, whole.
        assert (REASON in run.printed) is fault.startswith("refused"), name
        assert STALE.decode() not in run.printed, name
        if not fault.startswith("refused"):
            assert "curl: (" in run.printed, name


def test_nothing_is_sent_without_tls(tmp_path: Path, ca_bundle: Path) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        return Answer(body=b"eyJ")

    with Server(answer) as server:
        address = f"http://127.0.0.1:{server.port}"
        runs = run_all(address, tmp_path, ca_bundle, names=STEPS, options="--retry-max-time 1")
    assert asked == []
    assert all(run.status != 0 and run.left == () for run in runs.values())


@SHELLS
def test_a_step_that_is_cancelled_leaves_nothing(door: Door, tmp_path: Path, ca_bundle: Path, interpreter: str) -> None:
    ci, script = script_of("docs/ci/bitbucket-pipelines.md")
    exchange = f"{door.url}/drips/{interpreter.partition(' ')[0]}"
    shell, variables = prepare(ci, tmp_path / "job", exchange=exchange, token=TOKEN, ca_bundle=ca_bundle)
    script = script.replace("EXCHANGE=https://exchange.acme.example", f"EXCHANGE={exchange}")
    door.busy.clear()
    with shell.start(script, interpreter=interpreter, **variables) as process:
        assert door.busy.wait(30)
        (held,) = (shell.folder / "runner").iterdir()
        assert held.stat().st_mode & 0o777 == 0o600
        os.killpg(process.pid, signal.SIGTERM)
        printed = process.communicate(timeout=30)[0]
    assert process.returncode != 0
    assert list((shell.folder / "runner").iterdir()) == []
    assert not door.shows_in(printed)


@SHELLS
@pytest.mark.parametrize("fault", ["none", "refused", "cut"])
@pytest.mark.parametrize("name", ["docs/ci/gitlab.md", "docs/ci/vela.md", "docs/ci/github-actions.md"])
def test_every_shell_runs_the_shape(
    door: Door, tmp_path: Path, ca_bundle: Path, name: str, interpreter: str, fault: str
) -> None:
    ci, script = script_of(name)
    ci = dataclasses.replace(ci, interpreter=interpreter)
    exchange = f"{door.url}/{fault}/{interpreter.partition(' ')[0]}-{ci.provider}"
    options = FAULTS[fault].curl
    folder = tmp_path / "job"
    run = run_step(ci, script, folder, exchange=exchange, token=TOKEN, ca_bundle=ca_bundle, CURL_OPTIONS=options)
    check = logged_in if FAULTS[fault].logs_in else not_logged_in
    assert problems(door, {name: run}, check) == {}


@pytest.mark.program("shellcheck")
def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    scripts: dict[str, list[Path]] = {"bash": [], "sh": []}
    for name in STEPS:
        ci, script = script_of(name)
        path = tmp_path / name.replace("/", "-")
        path.write_text(script)
        scripts["bash" if ci.interpreter == "bash" else "sh"].append(path)
    for dialect, paths in scripts.items():
        # SC1090, SC1091: the login is sourced from a file that is not there yet. SC2154: it sets the variables.
        command = ["shellcheck", "--shell", dialect, "--exclude", "SC1090,SC1091,SC2154", *map(str, paths)]
        assert subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout == ""


def test_the_login_file_is_removed_even_if_docker_fails(door: Door, tmp_path: Path, ca_bundle: Path) -> None:
    """`docker login` fails where no daemon answers."""
    ci, script = script_of("docs/ci/bitbucket-pipelines.md")
    found = run_step(
        ci,
        f"docker() {{ return 1; }}\n{script}",
        tmp_path / "job",
        exchange=f"{door.url}/none/docker",
        token=TOKEN,
        ca_bundle=ca_bundle,
    )
    assert found.status == 1
    assert found.left == ()


NAMED_CAUSES = {
    "README.md": ("ACTIONS_ID_TOKEN_REQUEST_URL", "the job needs permissions: id-token: write"),
    "GitHub action": ("ACTIONS_ID_TOKEN_REQUEST_URL", "::error title=Log in to ECR::"),
    "docs/ci/github-actions.md": ("ACTIONS_ID_TOKEN_REQUEST_URL", "the job needs permissions: id-token: write"),
    "docs/ci/gitea.md": ("ACTIONS_ID_TOKEN_REQUEST_URL", "the job needs permissions: id-token: write"),
    "docs/ci/forgejo.md": ("ACTIONS_ID_TOKEN_REQUEST_URL", "the workflow needs enable-openid-connect"),
    "docs/ci/azure-devops.md": ("SYSTEM_ACCESSTOKEN", "pass it to the step with env"),
    **{
        name: (ci.token_variable, f"{ci.token_variable}: ")
        for name, (_, ci) in STEPS.items()
        if ci.token_variable is not None
    },
}


@pytest.mark.parametrize("name", NAMED_CAUSES)
@pytest.mark.parametrize("how", ["empty", "unset"])
def test_without_a_token_the_step_names_the_cause(
    door: Door, tmp_path: Path, ca_bundle: Path, name: str, how: str
) -> None:
    variable, cause = NAMED_CAUSES[name]
    ci, script = script_of(name)
    script = f"{variable}=\n{script}" if how == "empty" else f"unset {variable}\n{script}"
    found = run_step(ci, script, tmp_path / "job", exchange=f"{door.url}/none/x", token=TOKEN, ca_bundle=ca_bundle)
    assert found.status != 0
    assert cause in found.printed
    assert found.shell.seen("curl") == found.shell.seen("docker") == ""
    assert found.left == ()


def test_the_shells_messages_are_in_the_pages_table(subtests: pytest.Subtests) -> None:
    for name in CI:
        with subtests.test(name=name):
            said = [re.findall(r"^sh: `(\w+): (.+)`$", row[0]) for row in page(name).table("What goes wrong")]
            for variable, cause in [found for row in said for found in row]:
                assert cause == "parameter not set" or f"{{{variable}:?{cause}}}" in script_of(name)[1]


def test_without_a_token_from_the_endpoint_the_step_fails(door: Door, tmp_path: Path, ca_bundle: Path) -> None:
    for number, (name, ci) in enumerate(CI.items()):
        if ci.endpoint is None:
            continue
        folder = tmp_path / str(number)
        exchange = f"{door.url}/none/endpoint-{number}"
        found = run_step(ci, script_of(name)[1], folder, exchange=exchange, token="", ca_bundle=ca_bundle)
        if ci.endpoint.member is None:
            continue
        assert found.status != 0, name
        assert "gave no token" in found.printed, name
        assert door.tries(f"none/endpoint-{number}") == 0, name
        assert found.left == (), name

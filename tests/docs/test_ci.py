"""Each page of docs/ci: its pipeline is one that its system reads, and its login step logs in by its own policy."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never
from urllib.parse import urlencode

import pytest
import yaml

from sandbox.curl import post
from sandbox.loopback import Answer, Request, Server
from sandbox.providers import all_providers
from sandbox.service import Service
from sandbox.world import World
from tests.docs.ci_systems import CI, EXCHANGE, Ci, Endpoint, only_block
from tests.docs.pages import ROOT, Page, page, pages
from tests.docs.shell import Shell
from tests.requirements_present import GITLAB_CI_LOCAL

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

PAGES = [found for found in pages() if found.name.startswith("docs/ci/") and found.name != "docs/ci/README.md"]
EVERY_PAGE = pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)


def test_every_page_is_known() -> None:
    assert {of.name for of in PAGES} == set(CI)
    assert {of.name.rpartition("/")[2] for of in PAGES} <= set(page("docs/ci/README.md").links)


def test_every_provider_but_the_generic_one_has_a_page() -> None:
    assert {ci.provider for ci in CI.values()} == set(all_providers()) - {"generic"}


# -------------------------------------------------------------------------------------------- a service of its policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The service, with the policy of one page and the sandbox's keys for its issuer."""

    world: World
    url: str


class Services:
    """One service for each page, started when first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Running] = {}
        self._world = stack.enter_context(World(folder))

    def of(self, found: Page) -> Running:
        if found.name not in self._running:
            ci, world = CI[found.name], self._world
            policy: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(only_block(found, "yaml", "policy"))
            for entry in policy["issuers"].values():
                entry["jwks_url"] = world.issuer.tokens.keys_url(ci.provider)
                entry["ca_bundle"] = str(world.issuer.ca_bundle)
            path = self._folder / f"{ci.provider}.yaml"
            path.write_text(yaml.safe_dump(policy))
            environment = {**world.environment(), "TOKEN_EXCHANGE_POLICY": f"file:{path}"}
            log = self._stack.enter_context((self._folder / f"{ci.provider}.log").open("wb"))
            service = self._stack.enter_context(Service(environment, output=log, errors=log))
            self._running[found.name] = Running(world=world, url=service.url)
        return self._running[found.name]


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(tmp_path_factory.mktemp("pages"), stack)


class TokenEndpoint:
    """Gives the token to whoever asks as a job would."""

    def __init__(self, endpoint: Endpoint, token: str) -> None:
        self._endpoint = endpoint
        self._token = token

    def answer(self, request: Request) -> Answer:
        name, value = self._endpoint.header
        sent = {header.lower(): text for header, text in request.headers}
        audience = dict(request.parameters()).get("audience", EXCHANGE)
        if sent.get(name) != value or audience != EXCHANGE:
            return Answer(status=401)
        member = self._endpoint.member
        return Answer(body=(self._token if member is None else json.dumps({member: self._token})).encode())


SKOPEO = """#!/bin/sh
test "$1 $2" = "copy --authfile" || exit 2
cp "$3" "$SEEN/authfile"
printf '%s\\n' "$*" >>"$SEEN/skopeo"
"""
PRINTS = """#!/bin/sh
printf '%s\\n' "$*" >>"$SEEN/{name}"
test "$*" = '{arguments}' || exit 2
printf '%s\\n' '{token}'
"""


def run_step(of: Page, services: Services, folder: Path, *, scenario: str) -> tuple[Shell, str, int, str]:
    """Return the shell, the token, the step's status and all it printed."""
    ci, running = CI[of.name], services.of(of)
    shell = Shell(folder=folder, ca_bundle=running.world.issuer.ca_bundle)
    issuer = running.world.issuer
    token = issuer.mint(ci.provider, audience=ci.audience, scenario=scenario, claims={"iss": ci.issuer})
    (folder / "runner").mkdir()
    mint = urlencode({"scenario": scenario, "claim.iss": ci.issuer})
    variables = {
        "EXCHANGE": running.url,
        "AUDIENCE": EXCHANGE,
        "REGISTRY": HOST,
        "AWS_REGION": "eu-west-1",
        "BUILDKITE_COMMIT": "c7d20e9b",
        "BUILD_ID": "7",
        "RUNNER_TEMP": str(folder / "runner"),
        "TMPDIR": str(folder / "runner"),
        "DOCKER_CONFIG": str(folder / "config"),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/mint/{ci.provider}?{mint}",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "the-token-of-the-request",
    }
    shell.program("skopeo", SKOPEO)
    if ci.token_variable is not None:
        variables[ci.token_variable] = token
    if ci.token_file_variable is not None:
        variables[ci.token_file_variable] = str(folder / "token")
        (folder / "token").write_text(token)
    if ci.program is not None:
        name, arguments = ci.program
        shell.program(name, PRINTS.format(name=name, arguments=arguments, token=token))
    with ExitStack() as stack:
        if ci.endpoint is not None:
            server = stack.enter_context(Server(TokenEndpoint(ci.endpoint, token).answer))
            host = f"127.0.0.1:{server.port}"
            variables |= {
                name: text.format(host=host, url=f"http://{host}/token") for name, text in ci.endpoint.variables.items()
            }
        script = ci.step(of).replace(f"EXCHANGE={EXCHANGE}", f"EXCHANGE={running.url}")
        done = shell.run(script, interpreter=ci.interpreter, **variables)
    return shell, token, done.returncode, done.stdout + done.stderr


def password_of(shell: Shell, ci: Ci) -> str:
    """Return the password that came of the step, where it was meant to go."""
    match ci.login:
        case "docker":
            assert shell.seen("docker").startswith(f"login --username AWS --password-stdin {HOST}\n")
            return shell.seen("password")
        case "authfile":
            assert shell.seen("skopeo").rstrip().rpartition("docker://")[2].startswith(f"{HOST}/")
            text = shell.seen("authfile")
        case "config":
            text = shell.seen("config/config.json")
        case _:
            assert_never(ci.login)
    user, _, password = base64.b64decode(json.loads(text)["auths"][HOST]["auth"]).decode().partition(":")
    assert user == "AWS"
    return password


# What the test itself lays there, and the file that one page means to leave for its next step.
OWN_FILES = {"script", "docker", "curl", "skopeo", "password", "authfile", "token", "config.json"}


@EVERY_PAGE
def test_the_login_step_logs_in(of: Page, services: Services, tmp_path: Path) -> None:
    ci = CI[of.name]
    shell, token, status, printed = run_step(of, services, tmp_path, scenario=ci.good)
    assert status == 0, printed
    password = password_of(shell, ci)
    assert services.of(of).world.aws.registry.login(password) is not None
    # Neither token nor password is in a process list, in the log or left behind.
    assert token not in shell.seen("curl") + printed
    assert password not in shell.seen("curl") + shell.seen("skopeo") + printed
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= OWN_FILES | ({ci.program[0]} if ci.program else set())
    assert (tmp_path / "config" / "config.json").exists() == (ci.login == "config")


@EVERY_PAGE
def test_a_refusal_fails_the_step_and_says_why(of: Page, services: Services, tmp_path: Path) -> None:
    shell, token, status, printed = run_step(of, services, tmp_path, scenario=CI[of.name].bad)
    assert status == 1, printed
    assert '"reason": "no-matching-grant"' in printed or '"reason": "untrusted-trigger"' in printed, printed
    assert token not in printed
    assert shell.seen("docker") == shell.seen("skopeo") == ""
    assert not (tmp_path / "config" / "config.json").exists()


@pytest.mark.parametrize(
    ("name", "scenario", "reason", "about"),
    [
        ("circleci", "ssh-rerun", "invalid-claim", "oidc.circleci.com/ssh-rerun"),
        ("circleci", "fork", "no-matching-grant", "repository"),
        ("buildkite", "default-claims", "missing-claim", "organization_id"),
        ("azure-devops", "service-connection", "missing-claim", "def_id"),
        ("google-cloud-build", "default-account", "organization-not-allowed", ""),
        ("google-cloud-build", "person", "invalid-claim", "email"),
        ("jenkins", "no-build", "missing-claim", "build_number"),
        ("semaphore", "debug", "invalid-claim", "job_type"),
        ("codefresh", "push-feature", "no-matching-grant", "ref"),
        ("codefresh", "other-platform", "invalid-claim", "platform_url"),
        ("forgejo", "reusable-workflow", "untrusted-trigger", ""),
        ("spacelift", "planning", "no-matching-grant", "scope"),
        ("spacelift", "proposed", "untrusted-trigger", ""),
        ("kubernetes", "other-namespace", "organization-not-allowed", ""),
    ],
)
def test_what_goes_wrong_shows_as_the_page_says(
    services: Services, name: str, scenario: str, reason: str, about: str
) -> None:
    of = page(f"docs/ci/{name}.md")
    ci, running = CI[of.name], services.of(of)
    token = running.world.issuer.mint(ci.provider, audience=ci.audience, scenario=scenario, claims={"iss": ci.issuer})
    body = post(f"{running.url}/v1/token?registry=apps", token=token).body
    assert body["reason"] == reason
    assert about in json.dumps(body)
    first = [row[0] for row in of.table("What goes wrong")]
    assert any(f"`{reason}`" in cell and (not about or f"`{about}`" in cell) for cell in first)


# ----------------------------------------------------------------------------------------------- read by its own system


def check_schema(name: str, path: Path) -> None:
    done = subprocess.run(
        # One of the schemas has patterns with escapes that are none in Unicode mode.
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--regex-variant",
            "nonunicode",
            "--builtin-schema",
            name,
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@EVERY_PAGE
def test_the_pipeline_fits_its_systems_schema(of: Page, tmp_path: Path) -> None:
    schema = CI[of.name].schema
    if schema is None:
        # Its system publishes none; the shape that its step needs is asserted where the step is taken out.
        assert CI[of.name].step(of)
        return
    path = tmp_path / "pipeline.yml"
    text = only_block(of, "yaml", "pipeline")
    for ahead, known in CI[of.name].ahead_of_schema.items():
        assert ahead in text
        text = text.replace(ahead, known)
    path.write_text(text)
    check_schema(schema, path)


def test_a_pipeline_that_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text(only_block(page("docs/ci/github-actions.md"), "yaml", "pipeline").replace("runs-on:", "runs_on:"))
    with pytest.raises(AssertionError, match="runs_on"):
        check_schema("vendor.github-workflows", path)


def test_the_step_of_github_is_the_readmes() -> None:
    (readme,) = [block.text for block in page("README.md").blocks if block.use == "github"]
    name = "docs/ci/github-actions.md"
    assert CI[name].step(page(name)) == yaml.safe_load(readme)["steps"][0]["run"]


# ------------------------------------------------------------------------------------------------------- native forms


def test_the_composite_action_is_one() -> None:
    check_schema("vendor.github-actions", ROOT / "clients/github-actions/action.yml")


def test_the_composite_action_takes_what_the_page_gives_it() -> None:
    (step,) = yaml.safe_load(only_block(page("docs/ci/github-actions.md"), "yaml", "step"))
    action = yaml.safe_load((ROOT / "clients/github-actions/action.yml").read_text())
    assert set(step["with"]) == set(action["inputs"])


@pytest.mark.parametrize(("scenario", "status"), [("push-main", 0), ("push-feature", 1)])
def test_the_composite_action_runs(services: Services, tmp_path: Path, scenario: str, status: int) -> None:
    running = services.of(page("docs/ci/github-actions.md"))
    action = yaml.safe_load((ROOT / "clients/github-actions/action.yml").read_text())
    (step,) = action["runs"]["steps"]
    shell = Shell(folder=tmp_path, ca_bundle=running.world.issuer.ca_bundle)
    mint = urlencode({"scenario": scenario, "claim.iss": CI["docs/ci/github-actions.md"].issuer})
    inputs = {"EXCHANGE": running.url + "/", "AUDIENCE": EXCHANGE, "REGISTRY_NAME": "apps"}
    assert set(step["env"]) == set(inputs)
    (tmp_path / "runner").mkdir()
    done = shell.run(
        step["run"],
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{running.world.issuer.url}/mint/github-actions?{mint}",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="the-token-of-the-request",
        GITHUB_OUTPUT=str(tmp_path / "output"),
        TMPDIR=str(tmp_path / "runner"),
        **inputs,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert not list((tmp_path / "runner").iterdir())
    if status == 0:
        password = shell.seen("password")
        assert running.world.aws.registry.login(password) is not None
        # The one line with the password is what makes GitHub hide it in every line from then on.
        assert [line for line in done.stdout.splitlines() if password in line] == [f"::add-mask::{password}"]
        assert shell.seen("output").startswith(f"registry={HOST}\nexpires-at=20")
    else:
        assert '"reason": "no-matching-grant"' in done.stdout
        assert shell.seen("docker") == ""


def test_the_composite_action_says_that_a_permission_is_missing(services: Services, tmp_path: Path) -> None:
    running = services.of(page("docs/ci/github-actions.md"))
    action = yaml.safe_load((ROOT / "clients/github-actions/action.yml").read_text())
    done = Shell(folder=tmp_path, ca_bundle=running.world.issuer.ca_bundle).run(
        action["runs"]["steps"][0]["run"], EXCHANGE=running.url, AUDIENCE=EXCHANGE, REGISTRY_NAME="apps"
    )
    assert done.returncode == 1
    assert "id-token: write" in done.stdout


def gitlab_component() -> tuple[dict[str, object], str]:
    """Return the component's inputs and its job, with the inputs that the page gives it filled in."""
    header, _, body = (ROOT / "clients/gitlab/ecr-login.yml").read_text().partition("\n---\n")
    (include,) = yaml.safe_load(only_block(page("docs/ci/gitlab.md"), "yaml", "include"))["include"]
    for name, value in include["inputs"].items():
        body = body.replace(f"$[[ inputs.{name} ]]", value)
    inputs: dict[str, object] = yaml.safe_load(header)["spec"]["inputs"]
    assert set(inputs) == set(include["inputs"])
    return inputs, body


def test_the_gitlab_component_is_one(tmp_path: Path) -> None:
    inputs, body = gitlab_component()
    assert "$[[" not in body
    assert all(isinstance(declared, dict) and "description" in declared for declared in inputs.values())
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text(body)
    check_schema("vendor.gitlab-ci", path)


@pytest.mark.parametrize(("scenario", "status"), [("push-main", 0), ("push-feature", 1)])
def test_the_gitlab_component_runs(services: Services, tmp_path: Path, scenario: str, status: int) -> None:
    of = page("docs/ci/gitlab.md")
    running = services.of(of)
    job = yaml.safe_load(gitlab_component()[1])[".ecr-login"]
    token = running.world.issuer.mint(
        "gitlab", audience=job["id_tokens"]["ECR_TOKEN"]["aud"], scenario=scenario, claims={"iss": CI[of.name].issuer}
    )
    shell = Shell(folder=tmp_path, ca_bundle=running.world.issuer.ca_bundle)
    variables = {**job["variables"], "EXCHANGE": running.url, "ECR_TOKEN": token}
    done = shell.run("\n".join(job["before_script"]), interpreter="sh", **variables)
    assert done.returncode == status, done.stdout + done.stderr
    assert not (tmp_path / "login").exists() or status == 1
    if status == 0:
        assert running.world.aws.registry.login(shell.seen("password")) is not None
    assert token not in shell.seen("curl")


@pytest.mark.gitlab
@pytest.mark.parametrize(("scenario", "status"), [("push-main", 0), ("push-feature", 1)])
def test_gitlabs_pipeline_runs_as_a_whole(services: Services, tmp_path: Path, scenario: str, status: int) -> None:
    of = page("docs/ci/gitlab.md")
    running = services.of(of)
    pipeline = yaml.safe_load(only_block(of, "yaml", "pipeline"))
    # Its images come from a registry; the machine's own shell stands for them.
    for key in ("image", "services"):
        del pipeline["push-image"][key]
    project = tmp_path / "project"
    project.mkdir()
    (project / ".gitlab-ci.yml").write_text(yaml.safe_dump(pipeline))
    token = running.world.issuer.mint(
        "gitlab", audience=EXCHANGE, scenario=scenario, claims={"iss": CI[of.name].issuer}
    )
    (project / ".gitlab-ci-local-variables.yml").write_text(f"ECR_TOKEN: {token}\nEXCHANGE: {running.url}\n")
    shell = Shell(folder=tmp_path, ca_bundle=running.world.issuer.ca_bundle)
    done = shell.run(
        f"""
        cd '{project}'
        git init --quiet --initial-branch main
        git remote add origin git@gitlab.acme.example:acme/payments/checkout.git
        git -c user.name=ada -c user.email=ada@acme.example commit --quiet --allow-empty --message first
        '{GITLAB_CI_LOCAL}' --force-shell-executor --no-color push-image
        """
    )
    assert done.returncode == status, done.stdout + done.stderr
    asked = shell.seen("docker").splitlines()
    if status == 0:
        assert asked[0] == f"login --username AWS --password-stdin {HOST}"
        assert [line.split()[0] for line in asked[1:]] == ["build", "push"]
    else:
        assert '"reason": "no-matching-grant"' in done.stdout
        assert asked == []
    assert token not in shell.seen("curl") + done.stdout + done.stderr

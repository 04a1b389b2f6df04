"""Each page of docs/ci: its pipeline is one that its system reads, and its login step logs in by its own policy."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

from sandbox.service import Service
from sandbox.world import World
from tests.docs.pages import ROOT, Page, page, pages
from tests.docs.shell import Shell
from tests.requirements_present import GITLAB_CI_LOCAL

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
EXCHANGE = "https://exchange.acme.example"

PAGES = [found for found in pages() if found.name.startswith("docs/ci/") and found.name != "docs/ci/README.md"]

type Yaml = dict[str, object]


def only_block(of: Page, use: str) -> str:
    (text,) = [block.text for block in of.blocks if block.language == "yaml" and block.use == use]
    return text


# --------------------------------------------------------------------------------------- what a job of each would do


@dataclass(frozen=True, slots=True, kw_only=True)
class Ci:
    """How a CI system runs the login step of its page: the script, its interpreter, and where it finds its token.

    `issuer` is the `iss` of its tokens; `good` and `bad` are a scenario that the page's policy grants, and one that it
    refuses. `ahead_of_schema` is what the system takes and its published schema does not know yet, and what stands for
    it there.
    """

    provider: str
    issuer: str
    good: str
    bad: str
    interpreter: str
    step: Callable[[Yaml], str]
    token_variable: str | None = None
    schema: str | None = None
    ahead_of_schema: Mapping[str, str] = field(default_factory=dict)


def github_step(pipeline: Yaml) -> str:
    match pipeline:
        case {"permissions": {"id-token": "write"}, "jobs": {"image": {"steps": [_, {"run": str(script)}, _]}}}:
            return script
    raise AssertionError(pipeline)


def gitlab_step(pipeline: Yaml) -> str:
    match pipeline:
        case {"push-image": {"id_tokens": {"ECR_TOKEN": {"aud": str(audience)}}, "before_script": [*lines]}}:
            assert audience == EXCHANGE
            return "\n".join(map(str, lines))
    raise AssertionError(pipeline)


def bitbucket_step(pipeline: Yaml) -> str:
    match pipeline:
        case {"pipelines": {"branches": {"main": [{"step": {"oidc": {"audiences": [audience]}, "script": [*lines]}}]}}}:
            assert audience == EXCHANGE
            return "\n".join(map(str, lines[:3]))
    raise AssertionError(pipeline)


def bitrise_step(pipeline: Yaml) -> str:
    match pipeline:
        case {
            "workflows": {
                "images": {
                    "steps": [
                        _,
                        {"get-identity-token@0": {"inputs": [{"audience": audience}]}},
                        {"script@1": {"inputs": [{"content": str(script)}]}},
                        _,
                    ]
                }
            }
        }:
            assert audience == EXCHANGE
            return script
    raise AssertionError(pipeline)


def codebuild_step(pipeline: Yaml) -> str:
    match pipeline:
        case {"version": 0.2, "phases": {"pre_build": {"commands": [str(script)]}}}:
            return script
    raise AssertionError(pipeline)


CI: dict[str, Ci] = {
    "docs/ci/github-actions.md": Ci(
        provider="github-actions",
        issuer="https://token.actions.githubusercontent.com",
        good="push-main",
        bad="push-feature",
        interpreter="bash",
        step=github_step,
        schema="vendor.github-workflows",
    ),
    "docs/ci/gitlab.md": Ci(
        provider="gitlab",
        issuer="https://gitlab.acme.example",
        good="push-main",
        bad="push-feature",
        interpreter="sh",
        step=gitlab_step,
        token_variable="ECR_TOKEN",
        schema="vendor.gitlab-ci",
    ),
    "docs/ci/bitbucket-pipelines.md": Ci(
        provider="bitbucket-pipelines",
        issuer="https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        good="deployment",
        bad="push-main",
        interpreter="sh",
        step=bitbucket_step,
        token_variable="BITBUCKET_STEP_OIDC_TOKEN",
        schema="vendor.bitbucket-pipelines",
        # Audiences of one's own came to Bitbucket after the schema that it publishes.
        ahead_of_schema={'oidc:\n            audiences: ["https://exchange.acme.example"]': "oidc: true"},
    ),
    "docs/ci/bitrise.md": Ci(
        provider="bitrise",
        issuer="https://token.builds.bitrise.io",
        good="push-main",
        bad="pull-request",
        interpreter="bash",
        step=bitrise_step,
        token_variable="BITRISE_IDENTITY_TOKEN",
    ),
    "docs/ci/aws-codebuild.md": Ci(
        provider="aws-sts",
        issuer="https://7e21d9c4-58b0-4f3a-9a6d-e1c07b35f842.tokens.sts.global.api.aws",
        good="codebuild",
        bad="function",
        interpreter="bash",
        step=codebuild_step,
    ),
}

EVERY_PAGE = pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)


def test_every_page_is_known() -> None:
    assert {of.name for of in PAGES} == set(CI)
    assert {of.name.rpartition("/")[2] for of in PAGES} <= set(page("docs/ci/README.md").links)


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
            policy: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(only_block(found, "policy"))
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


def run_step(of: Page, services: Services, folder: Path, *, scenario: str) -> tuple[Shell, str, int, str]:
    """Return the shell, the token, the step's status and all it printed."""
    ci, running = CI[of.name], services.of(of)
    shell = Shell(folder=folder, ca_bundle=running.world.issuer.ca_bundle)
    issuer = running.world.issuer
    token = issuer.mint(ci.provider, audience=EXCHANGE, scenario=scenario, claims={"iss": ci.issuer})
    (folder / "runner").mkdir()
    mint = urlencode({"scenario": scenario, "claim.iss": ci.issuer})
    variables = {
        "EXCHANGE": running.url,
        "AUDIENCE": EXCHANGE,
        "REGISTRY": HOST,
        "AWS_REGION": "eu-west-1",
        "RUNNER_TEMP": str(folder / "runner"),
        "TMPDIR": str(folder / "runner"),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/mint/{ci.provider}?{mint}",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "the-token-of-the-request",
    }
    if ci.token_variable is not None:
        variables[ci.token_variable] = token
    else:
        shell.program("aws", f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$SEEN/aws\"\nprintf '%s\\n' '{token}'\n")
    script = ci.step(yaml.safe_load(only_block(of, "pipeline"))).replace(
        f"EXCHANGE={EXCHANGE}", f"EXCHANGE={running.url}"
    )
    done = shell.run(script, interpreter=ci.interpreter, **variables)
    return shell, token, done.returncode, done.stdout + done.stderr


@EVERY_PAGE
def test_the_login_step_logs_in(of: Page, services: Services, tmp_path: Path) -> None:
    shell, token, status, printed = run_step(of, services, tmp_path, scenario=CI[of.name].good)
    assert status == 0, printed
    assert shell.seen("docker") == f"login --username AWS --password-stdin {HOST}\n"
    assert services.of(of).world.aws.registry.login(shell.seen("password")) is not None
    # Neither token nor password is in a process list, in the log or left behind.
    assert token not in shell.seen("curl") + printed
    assert shell.seen("password") not in shell.seen("curl") + printed
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert set(left) <= {"script", "docker", "curl", "aws", "password"}  # of the test's own


@EVERY_PAGE
def test_a_refusal_fails_the_step_and_says_why(of: Page, services: Services, tmp_path: Path) -> None:
    shell, token, status, printed = run_step(of, services, tmp_path, scenario=CI[of.name].bad)
    assert status == 1, printed
    assert '"reason": "no-matching-grant"' in printed or '"reason": "untrusted-trigger"' in printed, printed
    assert token not in printed
    assert shell.seen("docker") == ""


# ----------------------------------------------------------------------------------------------- read by its own system


def check_schema(name: str, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, str(path)],
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
        assert CI[of.name].step(yaml.safe_load(only_block(of, "pipeline")))
        return
    path = tmp_path / "pipeline.yml"
    text = only_block(of, "pipeline")
    for ahead, known in CI[of.name].ahead_of_schema.items():
        assert ahead in text
        text = text.replace(ahead, known)
    path.write_text(text)
    check_schema(schema, path)


def test_a_pipeline_that_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text(only_block(page("docs/ci/github-actions.md"), "pipeline").replace("runs-on:", "runs_on:"))
    with pytest.raises(AssertionError, match="runs_on"):
        check_schema("vendor.github-workflows", path)


def test_the_step_of_github_is_the_readmes() -> None:
    (readme,) = [block.text for block in page("README.md").blocks if block.use == "github"]
    pipeline: Yaml = yaml.safe_load(only_block(page("docs/ci/github-actions.md"), "pipeline"))
    assert github_step(pipeline) == yaml.safe_load(readme)["steps"][0]["run"]


# ------------------------------------------------------------------------------------------------------- native forms


def test_the_composite_action_is_one() -> None:
    check_schema("vendor.github-actions", ROOT / "clients/github-actions/action.yml")


def test_the_composite_action_takes_what_the_page_gives_it() -> None:
    (step,) = yaml.safe_load(only_block(page("docs/ci/github-actions.md"), "step"))
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


def gitlab_component() -> tuple[Yaml, str]:
    """Return the component's inputs and its job, with the inputs that the page gives it filled in."""
    header, _, body = (ROOT / "clients/gitlab/ecr-login.yml").read_text().partition("\n---\n")
    (include,) = yaml.safe_load(only_block(page("docs/ci/gitlab.md"), "include"))["include"]
    for name, value in include["inputs"].items():
        body = body.replace(f"$[[ inputs.{name} ]]", value)
    inputs: Yaml = yaml.safe_load(header)["spec"]["inputs"]
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
    pipeline = yaml.safe_load(only_block(of, "pipeline"))
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

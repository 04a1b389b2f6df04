"""Each page of docs/ci: its pipeline is one that its system reads, and its login step logs in by its own policy."""

import base64
import json
import re
from pathlib import Path
from typing import assert_never

import pytest
import yaml

from sandbox.curl import post
from sandbox.providers import all_providers
from tests.docs.ci_systems import CI, EXCHANGE, Ci, only_block
from tests.docs.page_services import Services
from tests.docs.pages import Page, page, pages
from tests.docs.schemas import check_schema
from tests.docs.shell import Shell
from tests.docs.shipped_steps import STEPS
from tests.docs.step_runs import HOST, Run, run_step, with_exchange
from tests.docs.written_steps import STEPS_OF, with_steps
from tests.requirements_present import GITLAB_CI_LOCAL

PAGES = [found for found in pages() if found.name.startswith("docs/ci/") and found.name != "docs/ci/README.md"]
EVERY_PAGE = pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)


def test_every_page_is_known() -> None:
    assert {of.name for of in PAGES} == set(CI)
    assert {of.name.rpartition("/")[2] for of in PAGES} <= set(page("docs/ci/README.md").links)


def test_every_provider_but_the_generic_one_has_a_page() -> None:
    assert {ci.provider for ci in CI.values()} == set(all_providers()) - {"generic"}


def run_page(of: Page, services: Services, folder: Path, *, scenario: str, **changes: str) -> tuple[Run, str]:
    """Return what became of the page's step, and the token that it had."""
    ci, running = CI[of.name], services.of(of)
    token = running.backends.issuer.mint(
        ci.provider, audience=ci.audience, scenario=scenario, claims={"iss": ci.issuer}
    )
    run = run_step(
        ci, ci.step(of), folder, exchange=running.front, token=token, ca_bundle=services.ca_bundle, **changes
    )
    return run, token


def password_of(shell: Shell, ci: Ci) -> str:
    """Return the password that came of the step, where it was meant to go."""
    match ci.login:
        case "docker":
            assert shell.seen("docker").startswith(f"login --username AWS --password-stdin {HOST}\n")
            return shell.seen("password")
        case "authfile":
            assert shell.seen("skopeo").rstrip().rpartition("docker://")[2].startswith(f"{HOST}/")
            text = shell.seen("authfile")
        case _:
            assert_never(ci.login)
    user, _, password = base64.b64decode(json.loads(text)["auths"][HOST]["auth"]).decode().partition(":")
    assert user == "AWS"
    return password


# What the test itself lays there.
OWN_FILES = {"script", "docker", "curl", "skopeo", "password", "authfile", "token", "masked"}


@EVERY_PAGE
def test_the_login_step_logs_in(of: Page, services: Services, tmp_path: Path) -> None:
    ci = CI[of.name]
    run, token = run_page(of, services, tmp_path, scenario=ci.good)
    assert run.status == 0, run.printed
    password = password_of(run.shell, ci)
    assert services.of(of).backends.aws.registry.login(password) is not None
    # Neither token nor password is in a process list, in the log or left behind.
    seen = run.shell.seen("curl") + run.shell.seen("skopeo") + run.unmasked(ci)
    assert token not in seen
    assert password not in seen
    assert run.masked(ci) == ([token, password] if ci.mask else [])
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= OWN_FILES | ({ci.program[0]} if ci.program else set())


@EVERY_PAGE
def test_a_refusal_fails_the_step_and_says_why(of: Page, services: Services, tmp_path: Path) -> None:
    ci = CI[of.name]
    run, token = run_page(of, services, tmp_path, scenario=ci.bad)
    assert run.status == 1, run.printed
    assert re.search(r"^(no-matching-grant|untrusted-trigger): .* see docs/errors.md#", run.printed, re.MULTILINE), (
        run.printed
    )
    assert token not in run.unmasked(ci)
    assert run.shell.seen("docker") == run.shell.seen("skopeo") == ""
    assert run.left == ()


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
def test_each_mistake_gives_the_error_of_the_page(
    services: Services, name: str, scenario: str, reason: str, about: str
) -> None:
    of = page(f"docs/ci/{name}.md")
    ci, running = CI[of.name], services.of(of)
    token = running.backends.issuer.mint(
        ci.provider, audience=ci.audience, scenario=scenario, claims={"iss": ci.issuer}
    )
    body = post(f"{running.url}/v1/token?registry=apps", token=token).body
    assert body["reason"] == reason
    assert about in json.dumps(body)
    first = [row[0] for row in of.table("What goes wrong")]
    assert any(f"`{reason}`" in cell and (not about or f"`{about}`" in cell) for cell in first)


# ----------------------------------------------------------------------------------------------- read by its own system


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


@pytest.mark.parametrize("name", STEPS_OF)
def test_the_steps_are_those_of_the_command(name: str) -> None:
    assert with_steps(page(name)) == page(name).text, "run `make steps`"


@pytest.mark.parametrize("change", [("umask 077", "umask 022"), ("  set +x", "   set +x"), ("apps", "app")])
def test_a_step_that_is_another_would_be_noticed(change: tuple[str, str]) -> None:
    of = page("docs/ci/gitlab.md")
    changed = Page(of.name, of.text.replace(*change))
    assert with_steps(changed) != changed.text


@pytest.mark.parametrize("name", ["docs/ci/gitlab.md", "getting started, GitLab", "GitLab component"])
def test_no_gitlab_variable_sets_where_the_token_is_sent(services: Services, tmp_path: Path, name: str) -> None:
    """A report of another job, or the person who starts the pipeline, sets variables that win over those of the job."""
    of_name, ci = STEPS[name]
    running = services.of(page("docs/ci/gitlab.md"))
    token = running.backends.issuer.mint("gitlab", audience=EXCHANGE, scenario="push-main", claims={"iss": ci.issuer})
    elsewhere = {
        "EXCHANGE": "https://127.0.0.1:1",
        "EXCHANGE_REGISTRY": "elsewhere",
        "REGISTRY": "elsewhere.example",
        "REGISTRY_NAME": "elsewhere",
    }
    script = ci.step(page(of_name))
    run = run_step(ci, script, tmp_path, exchange=running.front, token=token, ca_bundle=services.ca_bundle, **elsewhere)
    assert run.status == 0, run.printed
    assert run.shell.seen("docker") == f"login --username AWS --password-stdin {HOST}\n"


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
    job = pipeline["push-image"]
    job["before_script"] = [with_exchange(line, running.front) for line in job["before_script"]]
    (project / ".gitlab-ci.yml").write_text(yaml.safe_dump(pipeline))
    token = running.backends.issuer.mint(
        "gitlab", audience=EXCHANGE, scenario=scenario, claims={"iss": CI[of.name].issuer}
    )
    (project / ".gitlab-ci-local-variables.yml").write_text(f"ECR_TOKEN: {token}\n")
    shell = Shell(folder=tmp_path, ca_bundle=services.ca_bundle)
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
        assert 'no-matching-grant: "no grant allows this: ' in done.stdout
        assert asked == []
    assert token not in shell.seen("curl") + done.stdout + done.stderr

"""Each native form in clients/: its file is one that its system reads, and its script logs in in every shell."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.docs.ci_systems import CI, EXCHANGE, only_block
from tests.docs.page_services import Services
from tests.docs.pages import page
from tests.docs.schemas import PUBLISHED, check_schema
from tests.docs.shell import Shell
from tests.docs.shipped_steps import CLIENTS, FORMS, gitlab_component, plugin_environment
from tests.docs.step_runs import HOST, Run, run_step
from tests.docs.test_steps import SHELLS
from tests.requirements_present import GITLAB_CI_LOCAL
from token_exchange_cli.systems.catalog import SYSTEMS

EVERY_FORM = pytest.mark.parametrize("name", FORMS)


def loaded(path: str) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((CLIENTS / path).read_text())
    return found


# ----------------------------------------------------------------------------------------------------------- one script


@EVERY_FORM
def test_the_token_is_got_as_on_the_page(name: str) -> None:
    """What a form has of its own are the lines of `token-exchange step`, with its own way to hand over a value."""
    of_name, ci = FORMS[name]
    system = SYSTEMS[ci.provider]
    script = re.sub(r'"[$]BUILDKITE_PLUGIN_ECR_EXCHANGE_AUDIENCE"', EXCHANGE, ci.step(page(of_name)))
    for line in (*system.token, *system.masks[0]):
        if line.replace("{audience}", EXCHANGE) not in script:
            # Only what the job lacks if it has no token may be said in the form's own words.
            check = re.fullmatch(r"""(?:: "|token=)([$]{\w+:)[?].*""", line)
            assert check is not None, line
            assert check[1] in script


@EVERY_FORM
def test_the_login_is_used_as_by_all_others(name: str) -> None:
    of_name, ci = FORMS[name]
    use = ci.step(page(of_name)).partition('  . "$login"\n')[2].partition("\n)")[0].splitlines()
    assert use[-1 if ci.provider != "github-actions" else -5] == (
        '  printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USERNAME" --password-stdin "$REGISTRY"'
    )
    assert ("REGISTRY_PASSWORD" in use[0] and "docker" not in use[0]) is (ci.mask is not None)


def run_form(
    name: str, services: Services, folder: Path, *, scenario: str, interpreter: str = "sh", before: str = ""
) -> tuple[Run, str]:
    """Return what became of a form, and the token that it had; `before` are addresses that come first."""
    of_name, ci = FORMS[name]
    of = page(of_name)
    running = services.of(of)
    token = running.backends.issuer.mint(
        ci.provider, audience=ci.audience, scenario=scenario, claims={"iss": ci.issuer}
    )
    ci = replace(ci, interpreter=interpreter)
    exchange = f"{before}{running.front}/"
    options = "--retry 0" if before else ""
    run = run_step(
        ci, ci.step(of), folder, exchange=exchange, token=token, ca_bundle=services.ca_bundle, CURL_OPTIONS=options
    )
    return run, token


@SHELLS
@EVERY_FORM
def test_a_form_logs_in(services: Services, tmp_path: Path, name: str, interpreter: str) -> None:
    of_name, ci = FORMS[name]
    run, token = run_form(name, services, tmp_path, scenario=ci.good, interpreter=interpreter)
    assert run.status == 0, run.printed
    password = run.shell.seen("password")
    assert services.of(page(of_name)).backends.aws.registry.login(password) is not None
    assert run.shell.seen("docker").startswith(f"login --username AWS --password-stdin {HOST}\n")
    assert run.masked(ci) == ([token, password] if ci.mask else [])
    for secret in (token, password):
        assert secret not in run.unmasked(ci) + run.shell.seen("curl") + run.shell.seen("docker")
    assert run.left == ()


@SHELLS
@EVERY_FORM
def test_a_refusal_fails_a_form(services: Services, tmp_path: Path, name: str, interpreter: str) -> None:
    _, ci = FORMS[name]
    run, token = run_form(name, services, tmp_path, scenario=ci.bad, interpreter=interpreter)
    assert run.status == 1, run.printed
    assert re.search("no-matching-grant|untrusted-trigger", run.printed), run.printed
    assert token not in run.unmasked(ci)
    assert run.shell.seen("docker") == ""
    assert run.left == ()


@EVERY_FORM
def test_a_form_uses_the_address_that_responds(services: Services, tmp_path: Path, name: str) -> None:
    of_name, ci = FORMS[name]
    run, _ = run_form(name, services, tmp_path, scenario=ci.good, before="https://127.0.0.1:1 ")
    assert run.status == 0, run.printed
    password = run.shell.seen("password")
    assert services.of(page(of_name)).backends.aws.registry.login(password) is not None
    assert "no login from https://127.0.0.1:1: HTTP 000" in run.printed


@EVERY_FORM
def test_a_form_without_an_address_says_so(tmp_path: Path, name: str) -> None:
    of_name, ci = FORMS[name]
    script = ci.step(page(of_name)).replace(f"EXCHANGE='{EXCHANGE}'", "EXCHANGE=''")
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    run = run_step(
        ci,
        f'curl() {{ echo \'{{"value": "e.e.e", "oidcToken": "e.e.e"}}\'; }}\n{script}',
        tmp_path / "job",
        exchange="",
        token="e.e.e",
        ca_bundle=bundle,
    )
    assert run.status != 0
    assert "EXCHANGE: set it to the address of the service, or to several" in run.printed
    assert run.left == ()


# ------------------------------------------------------------------------------------------------------- GitHub, GitLab


def test_the_composite_action_is_one() -> None:
    check_schema("vendor.github-actions", CLIENTS / "github-actions/action.yml")


def test_the_composite_action_accepts_the_pages_inputs() -> None:
    (step,) = yaml.safe_load(only_block(page("docs/ci/github-actions.md"), "yaml", "step"))
    action = loaded("github-actions/action.yml")
    assert set(step["with"]) == set(action["inputs"])
    (of_action,) = yaml.safe_load((CLIENTS / "github-actions/action.yml").read_text())["runs"]["steps"]
    assert set(of_action["env"]) == {"EXCHANGE", "AUDIENCE", "REGISTRY_NAME"}


def test_the_composite_action_has_outputs(services: Services, tmp_path: Path) -> None:
    run, _ = run_form("GitHub action", services, tmp_path, scenario="push-main", interpreter="bash")
    assert run.shell.seen("output").startswith(f"registry={HOST}\nexpires-at=20")


def test_the_gitlab_component_is_one(tmp_path: Path) -> None:
    of = page("docs/ci/gitlab.md")
    header = yaml.safe_load((CLIENTS / "gitlab/ecr-login.yml").read_text().partition("\n---\n")[0])
    inputs = header["spec"]["inputs"]
    (include,) = yaml.safe_load(only_block(of, "yaml", "include"))["include"]
    assert set(inputs) == set(include["inputs"])
    assert all(isinstance(declared, dict) and "description" in declared for declared in inputs.values())
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text(gitlab_component(of))
    check_schema("vendor.gitlab-ci", path)
    assert yaml.safe_load(gitlab_component(of))[".ecr-login"]["id_tokens"] == {"ECR_TOKEN": {"aud": EXCHANGE}}


@pytest.mark.parametrize("name", ["exchange", "registry"])
def test_the_gitlab_component_takes_no_input_that_ends_a_quote(name: str) -> None:
    """Its inputs are written into a script."""
    header = yaml.safe_load((CLIENTS / "gitlab/ecr-login.yml").read_text().partition("\n---\n")[0])
    pattern = header["spec"]["inputs"][name]["regex"]
    good = "https://exchange.acme.example/base/"
    assert re.search(pattern, good)
    for bad in ("'; id; '", "$(id)", "`id`", '"', "a b", "https://x/\\", "https://x/' y", ""):
        assert not re.search(pattern, bad)
    assert (name == "exchange") is not bool(re.search(pattern, "http://exchange.acme.example"))
    assert (name == "exchange") is bool(re.search(pattern, f"{good} {good}"))
    assert not re.search(pattern, f"{good} http://exchange.acme.example")


@pytest.mark.gitlab
def test_the_gitlab_component_runs_as_a_pipeline(services: Services, tmp_path: Path) -> None:
    of = page("docs/ci/gitlab.md")
    ci, running = CI[of.name], services.of(of)
    pipeline = yaml.safe_load(only_block(of, "yaml", "include"))
    pipeline["include"][0]["local"] = "ecr-login.yml"
    del pipeline["include"][0]["component"]
    pipeline["include"][0]["inputs"]["exchange"] = f"https://127.0.0.1:1 {running.front}"
    project = tmp_path / "project"
    project.mkdir()
    (project / ".gitlab-ci.yml").write_text(yaml.safe_dump(pipeline))
    (project / "ecr-login.yml").write_text((CLIENTS / "gitlab/ecr-login.yml").read_text())
    token = running.backends.issuer.mint("gitlab", audience=EXCHANGE, scenario=ci.good, claims={"iss": ci.issuer})
    (project / ".gitlab-ci-local-variables.yml").write_text(f"ECR_TOKEN: {token}\n")
    shell = Shell(folder=tmp_path, ca_bundle=services.ca_bundle)
    done = shell.run(
        f"""
        cd '{project}'
        git init --quiet --initial-branch main
        git remote add origin git@gitlab.acme.example:acme/payments/checkout.git
        git add --all
        git -c user.name=ada -c user.email=ada@acme.example commit --quiet --message first
        '{GITLAB_CI_LOCAL}' --force-shell-executor --no-color push-image
        """,
        CURL_OPTIONS="--retry 0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    asked = shell.seen("docker").splitlines()
    assert asked[0] == f"login --username AWS --password-stdin {HOST}"
    assert [line.split()[0] for line in asked[1:]] == ["push"]
    assert running.backends.aws.registry.login(shell.seen("password")) is not None
    assert token not in shell.seen("curl") + done.stdout + done.stderr


# ------------------------------------------------------------------------------------ CircleCI, Azure DevOps, Buildkite


def test_the_orb_is_one(tmp_path: Path) -> None:
    check_schema("vendor.circle-ci", CLIENTS / "circleci/orb.yml")
    path = tmp_path / "config.yml"
    path.write_text(only_block(page("docs/ci/circleci.md"), "yaml", "orb"))
    check_schema("vendor.circle-ci", path)
    config = yaml.safe_load(path.read_text())
    given = config["jobs"]["images"]["steps"][1]["ecr/login"]
    orb = yaml.safe_load((CLIENTS / "circleci/orb.yml").read_text())
    assert set(given) == set(orb["commands"]["login"]["parameters"])


def test_the_orb_in_the_configuration_itself_is_one(tmp_path: Path) -> None:
    config = yaml.safe_load(only_block(page("docs/ci/circleci.md"), "yaml", "orb"))
    orb = yaml.safe_load((CLIENTS / "circleci/orb.yml").read_text())
    config["orbs"]["ecr"] = {"commands": orb["commands"]}
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(config))
    check_schema("vendor.circle-ci", path)


def test_the_template_of_azure_devops_is_one(tmp_path: Path) -> None:
    schema = json.loads((PUBLISHED / "azure-pipelines.json").read_text())
    of_steps = jsonschema.Draft7Validator({"$ref": "#/definitions/stepsTemplate", "definitions": schema["definitions"]})
    text = (CLIENTS / "azure-devops/ecr-login.yml").read_text()
    template = yaml.safe_load(text)
    of_steps.validate(template)
    assert not of_steps.is_valid(yaml.safe_load(text.replace("  - bash: |", "  - bashed: |")))
    pipeline = tmp_path / "azure-pipelines.yml"
    pipeline.write_text(only_block(page("docs/ci/azure-devops.md"), "yaml", "template"))
    check_schema("vendor.azure-pipelines", pipeline)
    (step,) = yaml.safe_load(pipeline.read_text())["steps"]
    assert set(step["parameters"]) == {parameter["name"] for parameter in template["parameters"]}


def test_the_plugin_of_buildkite_is_one(tmp_path: Path) -> None:
    """As buildkite-plugin-linter has it: all five keys, and options that name every property and take no other."""
    plugin = yaml.safe_load((CLIENTS / "buildkite/plugin.yml").read_text())
    assert set(plugin) == {"name", "description", "author", "requirements", "configuration"}
    options = plugin["configuration"]
    assert set(options) == {"properties", "required", "additionalProperties"}
    jsonschema.Draft202012Validator.check_schema(options)
    path = tmp_path / "pipeline.yml"
    path.write_text(only_block(page("docs/ci/buildkite.md"), "yaml", "plugin"))
    check_schema("vendor.buildkite", path)
    ((_, given),) = yaml.safe_load(path.read_text())["steps"][0]["plugins"][0].items()
    jsonschema.validate(given, options)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**given, "adress": EXCHANGE}, options)
    # The agent names an option's variable after the repository, without the plugin's ending, and the option.
    ((source, _),) = yaml.safe_load(path.read_text())["steps"][0]["plugins"][0].items()
    name = source.partition("#")[0].rpartition("/")[2].upper().replace("-", "_")
    assert {f"BUILDKITE_PLUGIN_{name}_{option.upper()}" for option in given} == set(plugin_environment())


@pytest.mark.parametrize("hook", ["pre-command", "pre-exit"])
def test_a_hook_of_buildkite_can_be_run(hook: str) -> None:
    path = CLIENTS / "buildkite/hooks" / hook
    assert os.access(path, os.X_OK)
    used = set(re.findall(r"BUILDKITE_PLUGIN_\w+", path.read_text()))
    assert used <= set(plugin_environment())


def test_the_plugin_of_buildkite_logs_out(tmp_path: Path) -> None:
    shell = Shell(folder=tmp_path, ca_bundle=tmp_path / "none")
    script = (CLIENTS / "buildkite/hooks/pre-exit").read_text()
    done = shell.run(script, interpreter="sh", **plugin_environment())
    assert done.returncode == 0, done.stderr
    assert shell.seen("docker") == f"logout {HOST}\n"


# --------------------------------------------------------------------------------------------------- Bitbucket, Jenkins


def pipe_step() -> dict[str, str | dict[str, str]]:
    (job,) = yaml.safe_load(only_block(page("docs/ci/bitbucket-pipelines.md"), "yaml", "pipe"))["pipelines"][
        "branches"
    ]["main"]
    found: dict[str, str | dict[str, str]] = job["step"]["script"][-1]
    return found


def test_the_pipe_of_bitbucket_is_one(tmp_path: Path) -> None:
    pipe = yaml.safe_load((CLIENTS / "bitbucket/pipe.yml").read_text())
    assert pipe_step()["pipe"] == f"docker://{pipe['image']}"
    script = (CLIENTS / "bitbucket/pipe.sh").read_text()
    assert set(re.findall(r"^#   ([A-Z_]+) ", script, re.MULTILINE)) == set(pipe_step()["variables"])
    assert os.access(CLIENTS / "bitbucket/pipe.sh", os.X_OK)
    assert "COPY pipe.sh /" in (CLIENTS / "bitbucket/Dockerfile").read_text()
    text = only_block(page("docs/ci/bitbucket-pipelines.md"), "yaml", "pipe")
    for ahead, known in CI["docs/ci/bitbucket-pipelines.md"].ahead_of_schema.items():
        assert ahead in text
        text = text.replace(ahead, known)
    path = tmp_path / "bitbucket-pipelines.yml"
    path.write_text(text)
    check_schema("vendor.bitbucket-pipelines", path)


@SHELLS
def test_the_pipe_of_bitbucket_pushes_every_image(services: Services, tmp_path: Path, interpreter: str) -> None:
    run, _ = run_form("Bitbucket pipe", services, tmp_path, scenario="deployment", interpreter=interpreter)
    assert run.shell.seen("docker").splitlines()[1:] == [
        f"push {HOST}/bitbucket/shop:7",
        f"push {HOST}/bitbucket/shop:8",
    ]


def test_the_pipe_of_bitbucket_requires_images(tmp_path: Path) -> None:
    of_name, ci = FORMS["Bitbucket pipe"]
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    script = ci.step(page(of_name))
    run = run_step(ci, script, tmp_path / "job", exchange=EXCHANGE, token="e.e.e", ca_bundle=bundle, IMAGES="")
    assert run.status != 0
    assert "name the images to push" in run.printed
    assert run.shell.seen("curl") == ""


def test_the_jenkins_step_accepts_the_pages_inputs() -> None:
    library = (CLIENTS / "jenkins/vars/ecrLogin.groovy").read_text()
    call = re.search(r"ecrLogin[(](.*)[)]", only_block(page("docs/ci/jenkins.md"), "groovy", "library"))
    assert call is not None
    given = re.findall(r"(\w+): '[^']*'", call[1])
    checked = re.search(r"for [(]name in (\[.*\])[)]", library)
    assert checked is not None
    assert given == re.findall(r"\w+", checked[1])
    assert set(re.findall(r"settings[.](\w+)", library)) == set(given)
    # Groovy fills in nothing between three single quotes, but reads a backslash.
    script = library.split("'''")[1]
    assert "\\" not in script
    assert '"$' in script

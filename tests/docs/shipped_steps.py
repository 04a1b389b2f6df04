"""Every login step that ships: those of the pages, those of other documents, and the native forms in clients/."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import replace

import yaml

from tests.docs.ci_systems import CI, EXCHANGE, Ci, only_block
from tests.docs.pages import ROOT, Page, page
from tests.front_door import HOST

CLIENTS = ROOT / "clients"


def readme_step(of: Page) -> str:
    return str(yaml.safe_load(only_block(of, "yaml", "github"))["steps"][0]["run"])


def gitlab_job_step(of: Page) -> str:
    return "\n".join(yaml.safe_load(only_block(of, "yaml", "gitlab"))["push-image"]["script"][:2])


def action_step(_: Page) -> str:
    (step,) = yaml.safe_load((CLIENTS / "github-actions/action.yml").read_text())["runs"]["steps"]
    return str(step["run"])


def gitlab_component(of: Page) -> str:
    """Return the component's job, with the inputs that the page gives it filled in."""
    body = (CLIENTS / "gitlab/ecr-login.yml").read_text().partition("\n---\n")[2]
    (include,) = yaml.safe_load(only_block(of, "yaml", "include"))["include"]
    for name, value in include["inputs"].items():
        body = body.replace(f"$[[ inputs.{name} ]]", value)
    assert "$[[" not in body
    return body


def component_step(of: Page) -> str:
    return "\n".join(yaml.safe_load(gitlab_component(of))[".ecr-login"]["before_script"])


def orb_step(_: Page) -> str:
    """Return the orb's step, with its parameter filled in as CircleCI does; the others are in the environment."""
    (step,) = yaml.safe_load((CLIENTS / "circleci/orb.yml").read_text())["commands"]["login"]["steps"]
    assert step["run"]["environment"] == {
        "EXCHANGE": "<< parameters.exchange >>",
        "REGISTRY_NAME": "<< parameters.registry >>",
    }
    script = str(step["run"]["command"]).replace("<< parameters.audience >>", EXCHANGE)
    assert "<<" not in script
    return script


def template_step(_: Page) -> str:
    (step,) = yaml.safe_load((CLIENTS / "azure-devops/ecr-login.yml").read_text())["steps"]
    assert step["env"] == {
        "EXCHANGE": "${{ parameters.exchange }}",
        "REGISTRY_NAME": "${{ parameters.registry }}",
        "SYSTEM_ACCESSTOKEN": "$(System.AccessToken)",
    }
    return str(step["bash"])


def library_step(_: Page) -> str:
    text = (CLIENTS / "jenkins/vars/ecrLogin.groovy").read_text()
    (found,) = re.findall(r"^ *sh '''\n(.*?)^ *'''$", text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(str(found))


def plugin_environment() -> Mapping[str, str]:
    """Return the variables in which Buildkite hands a hook what the page gives the plugin."""
    values = {"exchange": EXCHANGE, "audience": EXCHANGE, "registry": "apps", "host": HOST}
    return {f"BUILDKITE_PLUGIN_ECR_EXCHANGE_{name.upper()}": value for name, value in values.items()}


def hook_step(_: Page) -> str:
    script = (CLIENTS / "buildkite/hooks/pre-command").read_text()
    given = "".join(f"{name}='{value}'\n" for name, value in plugin_environment().items() if name in script)
    return script.replace("#!/bin/sh\n", f"#!/bin/sh\n{given}")


def pipe_step(_: Page) -> str:
    return (CLIENTS / "bitbucket/pipe.sh").read_text()


def addresses_step(_: Page) -> str:
    """Return the guide's step for several addresses, with the line in which Jenkins' page gets the token."""
    script = only_block(page("docs/ci/README.md"), "sh", "addresses")
    return script.replace("token=$TOKEN\n", "token=${TOKEN:?the credential is empty}\n")


GITHUB, GITLAB = "docs/ci/github-actions.md", "docs/ci/gitlab.md"
CIRCLECI, AZURE, BUILDKITE = "docs/ci/circleci.md", "docs/ci/azure-devops.md", "docs/ci/buildkite.md"
BITBUCKET, JENKINS = "docs/ci/bitbucket-pipelines.md", "docs/ci/jenkins.md"

FORMS: dict[str, tuple[str, Ci]] = {
    "GitHub action": (GITHUB, replace(CI[GITHUB], step=action_step)),
    "GitLab component": (GITLAB, replace(CI[GITLAB], step=component_step)),
    "CircleCI orb": (CIRCLECI, replace(CI[CIRCLECI], step=orb_step)),
    "Azure DevOps template": (AZURE, replace(CI[AZURE], step=template_step)),
    "Buildkite plugin": (BUILDKITE, replace(CI[BUILDKITE], step=hook_step)),
    "Bitbucket pipe": (BITBUCKET, replace(CI[BITBUCKET], step=pipe_step)),
    "Jenkins library": (JENKINS, replace(CI[JENKINS], step=library_step)),
}
"""The native forms, with the page that says how to use each."""

STEPS: dict[str, tuple[str, Ci]] = {
    **{name: (name, ci) for name, ci in CI.items()},
    "README.md": ("README.md", replace(CI[GITHUB], step=readme_step)),
    "getting started, GitHub": ("docs/getting-started.md", replace(CI[GITHUB], step=readme_step)),
    "getting started, GitLab": ("docs/getting-started.md", replace(CI[GITLAB], step=gitlab_job_step)),
    **FORMS,
    "several addresses": (JENKINS, replace(CI[JENKINS], step=addresses_step)),
}
"""Every login step that ships, with the page that has it or is about it."""

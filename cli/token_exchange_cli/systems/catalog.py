"""Every CI system, by the name that a policy gives its provider."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from token_exchange_cli.systems import (
    aws_sts,
    azure_devops,
    bitbucket_pipelines,
    bitrise,
    buildkite,
    circleci,
    codefresh,
    forgejo,
    gitea,
    github_actions,
    gitlab,
    google,
    harness,
    hcp_terraform,
    jenkins,
    kubernetes,
    semaphore,
    spacelift,
    vela,
)
from token_exchange_cli.systems.system import System

SYSTEMS: Final[Mapping[str, System]] = MappingProxyType(
    {
        "aws-sts": aws_sts.SYSTEM,
        "azure-devops": azure_devops.SYSTEM,
        "bitbucket-pipelines": bitbucket_pipelines.SYSTEM,
        "bitrise": bitrise.SYSTEM,
        "buildkite": buildkite.SYSTEM,
        "circleci": circleci.SYSTEM,
        "codefresh": codefresh.SYSTEM,
        "forgejo": forgejo.SYSTEM,
        "gitea": gitea.SYSTEM,
        "github-actions": github_actions.SYSTEM,
        "gitlab": gitlab.SYSTEM,
        "google": google.SYSTEM,
        "harness": harness.SYSTEM,
        "hcp-terraform": hcp_terraform.SYSTEM,
        "jenkins": jenkins.SYSTEM,
        "kubernetes": kubernetes.SYSTEM,
        "semaphore": semaphore.SYSTEM,
        "spacelift": spacelift.SYSTEM,
        "vela": vela.SYSTEM,
    }
)

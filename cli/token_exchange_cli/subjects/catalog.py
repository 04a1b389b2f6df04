"""The subjects of all CI systems, by the names of their presets."""

from collections.abc import Mapping
from typing import Final

from token_exchange_cli.subjects import (
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
    hcp_terraform,
    jenkins,
    kubernetes,
    semaphore,
    spacelift,
    vela,
)
from token_exchange_cli.subjects.grammar import SubjectGrammar

_UNKNOWN: Final = SubjectGrammar()

SUBJECTS: Final[Mapping[str, SubjectGrammar]] = {
    "azure-devops": azure_devops.SUBJECT,
    "bitbucket-pipelines": bitbucket_pipelines.SUBJECT,
    "bitrise": bitrise.SUBJECT,
    "buildkite": buildkite.SUBJECT,
    "circleci": circleci.SUBJECT,
    "codefresh": codefresh.SUBJECT,
    "forgejo": forgejo.SUBJECT,
    "gitea": gitea.SUBJECT,
    "github-actions": github_actions.SUBJECT,
    "gitlab": gitlab.SUBJECT,
    "google": google.SUBJECT,
    "hcp-terraform": hcp_terraform.SUBJECT,
    "jenkins": jenkins.SUBJECT,
    "kubernetes": kubernetes.SUBJECT,
    "semaphore": semaphore.SUBJECT,
    "spacelift": spacelift.SUBJECT,
    "vela": vela.SUBJECT,
}


def grammar_of(provider: str) -> SubjectGrammar:
    """Return what is known of the subjects of `provider`, which may be nothing."""
    return SUBJECTS.get(provider, _UNKNOWN)

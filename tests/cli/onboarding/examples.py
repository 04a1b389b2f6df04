"""An answer to every question of every system."""

from collections.abc import Mapping
from typing import Final

COMMON: Final[Mapping[str, str]] = {
    "account": "444455556666",
    "region": "eu-central-1",
    "prefix": "team/images",
    "audience": "https://tokens.globex.example",
}

_UUID = "{0}84b1f7e-60c9-4d35-9a1e-2f7c05d8b463"

OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "aws-sts": {
        "issuer": "https://7e21d9c4-58b0-4f3a-9a6d-e1c07b35f842.tokens.sts.global.api.aws",
        "organization-id": "777788889999",
        "actor": "arn:aws:iam::777788889999:role/codebuild/shop-images",
    },
    "azure-devops": {"organization-id": _UUID.format(1), "project-id": _UUID.format(2), "pipeline-id": "61"},
    "bitbucket-pipelines": {
        "organization": "globex",
        "organization-id": _UUID.format(1),
        "repository-id": _UUID.format(2),
        "environment-id": _UUID.format(3),
    },
    "bitrise": {"organization-id": "a90b3c7d15e2f846", "pipeline-id": "62d8f1a4b07c93e5"},
    "buildkite": {"organization": "globex", "organization-id": _UUID.format(1), "pipeline-id": _UUID.format(2)},
    "circleci": {"organization-id": _UUID.format(1), "pipeline-id": _UUID.format(2), "repository": "Globex/Shop"},
    "codefresh": {
        "organization": "globex",
        "organization-id": "64d2f8b10c3e5a7961b4e0d8",
        "pipeline-id": "67c1e9f05a2b4d8376e0a1c9",
        "repository": "globex/shop",
    },
    "forgejo": {"host": "forgejo.globex.example", "organization": "Globex", "organization-id": "31"},
    "gitea": {"host": "gitea.globex.example:3000", "organization": "globex", "organization-id": "41"},
    "github-actions": {"organization": "Globex", "organization-id": "7001"},
    "gitlab": {"organization": "globex/payments", "organization-id": "310"},
    "google": {"organization": "globex-builds", "actor-id": "104455667788990011223"},
    "harness": {
        "organization": "default",
        "organization-id": "bX4tRk9wQe2LmZ7sVy1Nha",
        "project": "shop",
        "pipeline-id": "shop_images",
    },
    "hcp-terraform": {
        "organization": "globex",
        "organization-id": "org-W7pXn2LcYh5sGf9J",
        "pipeline-id": "ws-Qm4kTz81vRbLxD3e",
    },
    "jenkins": {"host": "jenkins.globex.example", "pipeline": "https://jenkins.globex.example/job/shop/job/main/"},
    "kubernetes": {
        "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/5C0F9B2E71D84A3690E8D7F1B4A62C35",
        "organization": "shop-ci",
        "actor-id": _UUID.format(1),
    },
    "semaphore": {"organization": "globex", "organization-id": _UUID.format(1), "pipeline-id": _UUID.format(2)},
    "spacelift": {"organization": "globex", "pipeline-id": "shop-images"},
    "vela": {"host": "vela.globex.example", "organization": "globex"},
}

FIXED_AUDIENCE: Final = frozenset({"azure-devops", "semaphore", "spacelift"})


def options(system: str, **changes: str | None) -> list[str]:
    """Return the options for `system`; a change to None leaves one out."""
    given: dict[str, str | None] = {"system": system, **OWN[system], **COMMON}
    if system in FIXED_AUDIENCE:
        del given["audience"]
    given |= {name.replace("_", "-"): value for name, value in changes.items()}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]

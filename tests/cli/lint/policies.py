"""Policies without a danger of their own, for the linter to look at."""

from tests.loading.documents import Document, changed, document, grant
from token_exchange.core.ports import Json

GITLAB_IDS: Json = [{"id": "310"}]
HUB: Json = {
    "type": "secret",
    "host": "docker.io",
    "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-AbCdEf",
}
NO_SESSION: dict[str, Json] = {"role": None, "access": None, "repositories": None, "registry": "hub"}
AZURE: Json = {
    "provider": "azure-devops",
    "organization": "5a0b6e53-8f1d-4c92-b7a6-0e4d9c3f2a18",
    "audience": "api://AzureADTokenExchange",
    "shared_audience": True,
    "organizations": [{"id": "5a0b6e53-8f1d-4c92-b7a6-0e4d9c3f2a18"}],
}
BITRISE: dict[str, Json] = {
    "provider": "bitrise",
    "audience": "https://ecr.nordlicht.example",
    "organizations": [{"id": "a90b3c7d15e2f846"}],
}
BUILDKITE: Json = {
    **BITRISE,
    "provider": "buildkite",
    "organizations": [{"id": "0184990a-477b-4fa8-9968-496074483cee"}],
}
AWS: Json = {
    **BITRISE,
    "provider": "aws-sts",
    "issuer": "https://0c9e4a6b-1d2f-4e37-a85c-7b60d9f1e2a4.tokens.sts.global.api.aws",
    "organizations": [{"id": "210987654321"}],
}
CIRCLECI: dict[str, Json] = {
    **BITRISE,
    "provider": "circleci",
    "issuer": "https://oidc.circleci.com/org/84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463",
    "organizations": [{"id": "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"}],
}
CIRCLECI_VARIABLE: Json = {**CIRCLECI, "audience": "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463", "shared_audience": True}
"""Takes the token of the predefined variable, of which a job has one."""

CODEFRESH: Json = {
    **BITRISE,
    "provider": "codefresh",
    "organizations": [{"name": "acme", "id": "64d2f8b10c3e5a7961b4e0d8"}],
}
BITBUCKET: Json = {
    "provider": "bitbucket-pipelines",
    "workspace": "nordlicht",
    "audience": "https://ecr.nordlicht.example",
    "organizations": [{"id": "2b7e1516-28ae-42a6-abf7-158809cf4f3c"}],
}
CLUSTER: Json = {
    **BITRISE,
    "provider": "kubernetes",
    "issuer": "https://oidc.eks.eu-central-1.amazonaws.com/id/0A1B",
    "organizations": [{"name": "shop-ci"}],
}
JENKINS: Json = {
    **BITRISE,
    "provider": "jenkins",
    "host": "jenkins.acme.example",
    "organizations": [{"name": "jenkins.acme.example"}],
}
SPACELIFT: Json = {
    **BITRISE,
    "provider": "spacelift",
    "account": "acme",
    "audience": "acme.app.spacelift.io",
    "shared_audience": True,
    "organizations": [{"name": "acme"}],
}


def policy(*grants: Document, deny: Json = None, **issuers: Json) -> Document:
    """Return the small policy of the tests without a danger of its own, and with these."""
    found = changed(document(*grants, deny=deny), "issuers.gitlab.organizations", GITLAB_IDS)
    found = changed(found, "registries.hub", HUB)
    for path, value in issuers.items():
        found = changed(found, f"issuers.{path.replace('__', '.')}", value)
    return found


def push(**changes: Json) -> Document:
    plain: dict[str, Json] = {"access": "push", "match": {"branch": "main"}, "repositories": ["ci/{repository}"]}
    return grant(**{**plain, **changes})


def stored(**changes: Json) -> Document:
    plain: dict[str, Json] = {**NO_SESSION, "match": {"branch": "main"}}
    return grant(**{**plain, **changes})


def denies(**changes: Json) -> Json:
    rule: dict[str, Json] = {"name": "stop", "issuers": ["github"], **changes}
    return [rule]


def of(entry: Json, **changes: Json) -> Document:
    """Return a policy with one grant, for the issuer of `entry`."""
    return changed(policy(grant(issuers=["ci"], **changes)), "issuers.ci", entry)

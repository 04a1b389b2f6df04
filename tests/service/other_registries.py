"""A backends with every kind of registry, and a role that CI jobs assume themselves."""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

from sandbox import account
from sandbox.aws.oidc_providers import OidcProvider
from sandbox.aws.principals import make_role
from sandbox.aws.secrets_manager import Secret
from sandbox.backends import Backends

AUDIENCE: Final = "https://exchange.acme.example"
HUB_PASSWORD: Final = "dckr-pat-7f0Qh2LxWv"
HUB_SECRET: Final = account.HUB_SECRET
FORBIDDEN_SECRET: Final = HUB_SECRET.replace("docker-hub", "payroll")
DIRECT_ROLE: Final = f"arn:aws:iam::{account.APPS_ACCOUNT}:role/ci-direct"
MAIN: Final = "repo:acme/shop:ref:refs/heads/main"

_POLICY: Final = Template("""\
version: 1
issuers:
  github:
    provider: github-actions
    host: localhost:${port}
    audience: ${audience}
    organizations: [{name: acme, id: "7001"}]
registries:
  apps: {type: ecr, account: "111122223333", region: eu-west-1}
  direct: {type: ecr, account: "111122223333", region: eu-west-2}
  public: {type: ecr-public, account: "111122223333"}
  hub: {type: secret, host: docker.io, secret_arn: "${hub_secret}"}
  quay: {type: secret, host: quay.io, secret_arn: "${forbidden_secret}"}
grants:
  - name: own-images
    issuers: [github]
    match: {branch: main}
    registry: apps
    role: ${push_role}
    access: push
    repositories: ["ci/{repository}"]
  - name: public-push
    issuers: [github]
    match: {environment: release}
    registry: public
    role: ${public_role}
    access: push
    repositories: ["acme/{repository}"]
    duration: 15m
  - name: public-pull
    issuers: [github]
    match: {branch: main}
    registry: public
    role: ${public_role}
    access: pull
  - name: hub-login
    issuers: [github]
    match: {branch: main}
    registry: hub
  - name: quay-login
    issuers: [github]
    match: {environment: quay}
    registry: quay
  - name: directly
    issuers: [github]
    match: {environment: direct}
    registry: direct
    role: ${direct_role}
    assume: web-identity
    access: pull
    repositories: ["base/*"]
    duration: 20m
""")


def login_of_the_hub(**changes: str | bytes | bool | None) -> Secret:
    """Return the secret as it should be, changed."""
    value = changes.get("value", json.dumps({"username": "acme-ci", "password": HUB_PASSWORD}))
    assert not isinstance(value, bool)
    return Secret(
        arn=HUB_SECRET,
        value=value,
        is_deleted=changes.get("is_deleted") is True,
        is_locked=changes.get("is_locked") is True,
    )


def furnish(backends: Backends) -> dict[str, str]:
    """Put everything into `backends` that the policy names, and return the variables of a service that uses it."""
    folder = backends.policy_path.parent
    path = folder / "other-registries.yaml"
    path.write_text(
        _POLICY.substitute(
            port=backends.issuer.port,
            audience=AUDIENCE,
            hub_secret=HUB_SECRET,
            forbidden_secret=FORBIDDEN_SECRET,
            push_role=account.PUSH_ROLE,
            public_role=account.PUBLIC_ROLE,
            direct_role=DIRECT_ROLE,
        )
    )
    backends.aws.secrets.put(login_of_the_hub())
    trust_directly(backends)
    # STS knows public authorities alone, and so does an entry without a bundle: here the sandbox's stands for them.
    return {"TOKEN_EXCHANGE_POLICY": f"file:{path}", "SSL_CERT_FILE": str(_authority(folder))}


def trust_directly(backends: Backends, *, audience: str = AUDIENCE, subject: str = MAIN, provider: bool = True) -> None:
    """Let a role trust the CI system itself, as it does without this service."""
    made = OidcProvider(
        account=account.APPS_ACCOUNT,
        issuer=backends.issuer.issuer_url("github-actions"),
        client_ids=(AUDIENCE,) if provider else (),
        authority=ssl.create_default_context(cafile=str(_authority(backends.policy_path.parent))),
    )
    backends.aws.principals.put_oidc_provider(made)
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": made.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{made.address}:aud": audience, f"{made.address}:sub": subject}},
    }
    permissions = {
        "Effect": "Allow",
        "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:DeleteRepository"],
        "Resource": "*",
    }
    backends.aws.principals.put_role(
        make_role(DIRECT_ROLE, trust=_document(statement), permissions=[_document(permissions)])
    )


def _authority(folder: Path) -> Path:
    return folder / "ca.pem"


def _document(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

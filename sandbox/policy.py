"""The sandbox's own policy: what the demo shows, with the addresses of this run filled in."""

from pathlib import Path
from string import Template
from typing import Final

from sandbox import account

AUDIENCE: Final = "https://exchange.acme.example"

_POLICY: Final = Template("""\
# Written by the sandbox at each start; edits are lost.
version: 1

issuers:
  github:
    provider: github-actions
    host: localhost:${port}
    audience: ${audience}
    organizations:
      - {name: acme, id: "7001"}
    ca_bundle: ca.pem
  gitlab:
    provider: gitlab
    issuer: https://localhost:${port}/gitlab
    audience: ${audience}
    organizations:
      - {name: acme}
    ca_bundle: ca.pem
  builds:
    provider: generic
    issuer: https://localhost:${port}/generic
    audience: ${audience}
    algorithms: [ES256]
    organization_claim: tenant
    claims: {repository: project, branch: git_branch}
    organizations:
      - {name: acme}
    ca_bundle: ca.pem
  # The issuers of these three are fixed; their keys are the sandbox's.
  bitbucket:
    provider: bitbucket-pipelines
    workspace: acme
    audience: ${audience}
    organizations:
      - {id: "5b1c9e07-42d8-4a6f-b3e0-9f7d2c8a1645"}
    jwks_url: https://localhost:${port}/bitbucket-pipelines/keys.json
    ca_bundle: ca.pem
  bitrise:
    provider: bitrise
    audience: ${audience}
    organizations:
      - {id: "a90b3c7d15e2f846"}
    jwks_url: https://localhost:${port}/bitrise/.well-known/jwks
    ca_bundle: ca.pem
  aws:
    provider: aws-sts
    issuer: https://7e21d9c4-58b0-4f3a-9a6d-e1c07b35f842.tokens.sts.global.api.aws
    audience: ${audience}
    organizations:
      - {id: "777788889999"}
    jwks_url: https://localhost:${port}/aws-sts/.well-known/jwks.json
    ca_bundle: ca.pem

registries:
  apps: {type: ecr, account: "${apps_account}", region: ${region}}
  base: {type: ecr, account: "${base_account}", region: us-east-1}

deny:
  - name: leaked-runner
    issuers: [github]
    match: {repository_id: "70010666"}

grants:
  # Whatever its name, each repository pushes its own images, from main, and nobody else's.
  - name: own-images
    issuers: [github]
    match: {branch: main}
    registry: apps
    role: ${push_role}
    access: push
    repositories: ["ci/{repository}", "ci/{repository}/*"]
    also_pull: ["base/*"]
    duration: 30m
  - name: own-images-gitlab
    issuers: [gitlab]
    match: {branch: main, ref_protected: true}
    registry: apps
    role: ${push_role}
    access: push
    repositories: ["gitlab/{repository}", "gitlab/{repository}/*"]
    duration: 30m
  # A tag of this one repository, in the environment that people have to approve.
  - name: release
    issuers: [github]
    match:
      repository_id: "70010001"
      environment: production
      tag: {like: "v*"}
    registry: apps
    role: ${release_role}
    external_id: ${release_external_id}
    access: push
    repositories: [releases/shop]
    duration: 15m
    contact: "#release-team"
  - name: own-images-bitbucket
    issuers: [bitbucket]
    match: {environment: "0d84f6b2-7c1e-4935-8ea7-3b9c5d20f1a8"}
    registry: apps
    role: ${push_role}
    access: push
    repositories: ["bitbucket/{repository_id}", "bitbucket/{repository_id}/*"]
    duration: 30m
  - name: base-images
    issuers: [github, gitlab, builds, bitbucket, bitrise, aws]
    registry: base
    role: ${pull_role}
    access: pull
    repositories: ["base/*"]
""")


def write_policy(folder: Path, *, issuer_port: int) -> Path:
    """Write the policy beside the certificate it names, and return its path."""
    path = folder / "policy.yaml"
    path.write_text(
        _POLICY.substitute(
            port=issuer_port,
            audience=AUDIENCE,
            region=account.REGION,
            apps_account=account.APPS_ACCOUNT,
            base_account=account.BASE_ACCOUNT,
            push_role=account.PUSH_ROLE,
            release_role=account.RELEASE_ROLE,
            release_external_id=account.RELEASE_EXTERNAL_ID,
            pull_role=account.PULL_ROLE,
        )
    )
    return path

"""The policy of these tests: grants that a run asks for by its `environment`, one for each thing that can go wrong."""

import json
from pathlib import Path
from string import Template
from typing import Final

from sandbox import account
from sandbox.issuer import Issuer
from token_exchange.core.ports import Json

AUDIENCE: Final = "https://exchange.acme.example"
REPORT_AUDIENCE: Final = "https://report.acme.example"
NOBODYS_ROLE: Final = "arn:aws:iam::111122223333:role/nobody"

_TOO_MANY: Final = ", ".join(f'"bulk/{"x" * 60}-{number}"' for number in range(30))

_POLICY: Final = Template("""\
version: 1
issuers:
  github:
    provider: github-actions
    host: localhost:${port}
    audience: ${audience}
    organizations: [{name: acme, id: "7001"}]
    ca_bundle: ca.pem
  github-trial:
    provider: github-actions
    host: localhost:${port}
    audience: ${report_audience}
    organizations: [{name: acme}]
    ca_bundle: ca.pem
    mode: report
  builds:
    provider: generic
    issuer: https://localhost:${port}/generic
    audience: ${audience}
    algorithms: [ES256]
    organization_claim: tenant
    claims: {repository: project, branch: git_branch, workflow: pipeline}
    organizations: [{name: acme}]
    ca_bundle: ca.pem
registries:
  apps: {type: ecr, account: "111122223333", region: eu-west-1, hosts: [apps.acme.example]}
  base: {type: ecr, account: "444455556666", region: us-east-1}
  broken: {type: ecr, account: "111122223333", region: us-east-2}
  bulk: {type: ecr, account: "111122223333", region: us-west-2}
  once: {type: ecr, account: "111122223333", region: eu-north-1}
  trial: {type: ecr, account: "111122223333", region: eu-west-2}
deny:
  - {name: kill-switch-4711, match: {repository_id: "70010666"}}
grants:
  - name: own-images
    issuers: [github, github-trial]
    match: {branch: main}
    registry: apps
    role: ${push_role}
    access: push
    repositories: ["ci/{repository}", "ci/{repository}/*"]
    also_pull: ["base/*"]
    duration: 30m
    contact: "#platform"
  - name: release
    issuers: [github]
    match: {repository_id: "70010001", environment: release}
    registry: apps
    role: ${release_role}
    external_id: ${external_id}
    access: push
    repositories: [releases/shop]
    duration: 1m
  - name: other-teams-secret
    issuers: [github]
    match: {repository_id: "99999999", environment: hidden}
    registry: apps
    role: ${release_role}
    access: push
    repositories: [releases/other]
  - name: once
    issuers: [github]
    match: {environment: once}
    registry: once
    role: ${push_role}
    access: pull
    repositories: ["base/*"]
    single_use: true
  - name: base-images
    issuers: [github, builds]
    registry: base
    role: ${pull_role}
    access: pull
    repositories: ["base/*"]
  - name: broken-role
    issuers: [github]
    match: {environment: broken}
    registry: broken
    role: ${nobodys_role}
    access: pull
    repositories: ["base/*"]
  - name: too-much
    issuers: [github]
    match: {environment: bulk}
    registry: bulk
    role: ${push_role}
    access: pull
    repositories: [${too_many}]
  - name: on-trial
    issuers: [github]
    match: {environment: trial}
    registry: trial
    role: ${push_role}
    access: pull
    repositories: ["base/*"]
    mode: report
  - name: expired
    issuers: [github]
    match: {environment: expired}
    registry: trial
    role: ${push_role}
    access: pull
    repositories: ["base/*"]
    expires: 2020-01-01
""")


def write_policy(folder: Path, *, issuer_port: int) -> Path:
    path = folder / "service.yaml"
    path.write_text(
        _POLICY.substitute(
            port=issuer_port,
            audience=AUDIENCE,
            report_audience=REPORT_AUDIENCE,
            push_role=account.PUSH_ROLE,
            release_role=account.RELEASE_ROLE,
            external_id=account.RELEASE_EXTERNAL_ID,
            pull_role=account.PULL_ROLE,
            nobodys_role=NOBODYS_ROLE,
            too_many=_TOO_MANY,
        )
    )
    return path


def policy_with_budget(issuer: Issuer, *, exchanges: int, issuer_mode: str = "enforce", **grant: Json) -> str:
    """Return a policy for the generic issuer, each of whose repositories gets so many exchanges a day."""
    return json.dumps(
        {
            "version": 1,
            "issuers": {
                "builds": {
                    "provider": "generic",
                    "issuer": issuer.issuer_url("generic"),
                    "audience": AUDIENCE,
                    "algorithms": ["ES256"],
                    "organization_claim": "tenant",
                    "claims": {"repository": "project"},
                    "organizations": [{"name": "acme"}],
                    "ca_bundle": str(issuer.ca_bundle),
                    "mode": issuer_mode,
                    "budgets": [{"per": "repository", "exchanges": exchanges, "every": "24h"}],
                }
            },
            "registries": {"base": {"type": "ecr", "account": "444455556666", "region": "us-east-1"}},
            "grants": [
                {
                    "name": "base-images",
                    "issuers": ["builds"],
                    "registry": "base",
                    "role": account.PULL_ROLE,
                    "access": "pull",
                    "repositories": ["base/*"],
                    **grant,
                }
            ],
        }
    )

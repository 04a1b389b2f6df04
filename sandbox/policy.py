"""The sandbox's own policy: what the demo shows, with the addresses of this run filled in."""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Final

from sandbox import account
from sandbox.providers import all_providers
from sandbox.providers.shape import Provider

AUDIENCE: Final = "https://exchange.acme.example"

_POLICY: Final = Template("""\
# Written by the sandbox at each start; edits are lost.
version: 1

issuers:
${issuers}
registries:
  apps: {type: ecr, account: "${apps_account}", region: ${region}${apps_hosts}}
  base: {type: ecr, account: "${base_account}", region: ${base_region}${base_hosts}}
  public: {type: ecr-public, account: "${apps_account}"}
  dockerhub: {type: secret, host: docker.io, secret_arn: "${hub_secret}"}

deny:
  - name: leaked-runner
    issuers: [github]
    match: {repository_id: "70010666"}

grants:
${own_images}\
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
  - name: base-images
    issuers: [${names}]
    registry: base
    role: ${pull_role}
    access: pull
    repositories: ["base/*"]
  # Other kinds of registry, for tokens minted with claim.environment=elsewhere.
  - name: public-images
    issuers: [github]
    match: {repository_id: "70010001", environment: elsewhere}
    registry: public
    role: ${public_role}
    access: push
    repositories: [acme/shop]
    duration: 15m
  - name: docker-hub
    issuers: [github]
    match: {repository_id: "70010001", environment: elsewhere}
    registry: dockerhub
""")

_ENTRY: Final = Template("""\
  ${name}:
    provider: ${provider}
    audience: ${audience}
${keys}\
    ca_bundle: ca.pem
""")

_OWN_IMAGES: Final = Template("""\
  - name: ${name}
    issuers: [${issuer}]
${grant}\
    registry: apps
    role: ${role}
    access: push
    duration: 30m
""")


def write_policy(folder: Path, *, issuer_port: int, hosts: Mapping[str, str] | None = None) -> Path:
    """Write the policy beside the certificate it names, and return its path.

    `hosts` are further host names of registries, by the registry's name: where on loopback it is really served.
    """
    further = {
        f"{name}_hosts": f', hosts: ["{hosts[name]}"]' if hosts and name in hosts else "" for name in account.REGISTRIES
    }
    path = folder / "policy.yaml"
    providers = all_providers().values()
    path.write_text(
        _POLICY.substitute(
            issuers="".join(_entry(provider, issuer_port) for provider in providers),
            own_images="".join(_own_images(provider) for provider in providers),
            names=", ".join(provider.entry.name for provider in providers if provider.entry.pulls_base),
            region=account.REGION,
            base_region=account.BASE_REGION,
            apps_account=account.APPS_ACCOUNT,
            base_account=account.BASE_ACCOUNT,
            release_role=account.RELEASE_ROLE,
            release_external_id=account.RELEASE_EXTERNAL_ID,
            pull_role=account.PULL_ROLE,
            public_role=account.PUBLIC_ROLE,
            hub_secret=account.HUB_SECRET,
            **further,
        )
    )
    return path


def _entry(provider: Provider, port: int) -> str:
    served = f"https://localhost:{port}{provider.issuer_path}"
    keys = Template(provider.entry.keys).substitute(port=port, issuer=provider.fixed_issuer or served)
    if provider.fixed_audience is not None:
        keys += "shared_audience: true\n"
    if provider.fixed_issuer is not None:
        # This issuer has a fixed host, which the sandbox cannot be: the keys are at a URL of the sandbox.
        keys += f"jwks_url: {served}{provider.keys_path}\n"
    return _ENTRY.substitute(
        name=provider.entry.name,
        provider=provider.name,
        audience=provider.fixed_audience or AUDIENCE,
        keys=indent(keys, "    "),
    )


def _own_images(provider: Provider) -> str:
    entry = provider.entry.name
    return _OWN_IMAGES.substitute(
        name="own-images" if entry == "github" else f"own-images-{entry}",
        issuer=entry,
        grant=indent(provider.entry.grant, "    "),
        role=account.PUSH_ROLE,
    )

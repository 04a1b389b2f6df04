"""Stops a deployment whose policy does not load, or still has values of the documents' examples."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.target import NotDeployed
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.core.policy import EcrRegistry, Policy
from token_exchange.loading.compiled import read_all
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyUnreadable

_EXAMPLE_ACCOUNT: Final = "111122223333"
_EXAMPLE_ORGANIZATION: Final = ("acme", "7001")


def checked_policy(path: Path) -> Policy:
    """Return the policy at `path`, with which the service would start.

    Raises:
        NotDeployed: it cannot be read, does not load, or is an example.
    """
    try:
        document = PolicyFile(path).read()
        policy = load_policy(
            document.content, name=document.name, read_file=document.read_file, grant_files=document.grant_files
        )
        read_all(policy)
    except (PolicyUnreadable, PolicyUnusable) as error:
        raise NotDeployed(f"the policy does not load: {path}\n{error}") from error
    if examples := list(dict.fromkeys(_examples(policy))):
        raise NotDeployed(f"the policy {path} still has values of the examples: {', '.join(examples)}; replace them")
    return policy


def _examples(policy: Policy) -> Iterator[str]:
    """Yield the example values that are left: no AWS customer has this account, and no real host ends in `.example`."""
    for issuer in policy.issuers.values():
        if (urlsplit(issuer.preset.issuer).hostname or "").endswith(".example"):
            yield f"the issuer {issuer.preset.issuer}"
        for organization in issuer.organizations:
            if (organization.name, organization.id) == _EXAMPLE_ORGANIZATION:
                yield "the organization acme with the id 7001"
    for registry in policy.registries.values():
        if isinstance(registry, EcrRegistry) and registry.account == _EXAMPLE_ACCOUNT:
            yield f"the account {_EXAMPLE_ACCOUNT}"
    for grant in policy.grants:
        if grant.terms is not None and f":{_EXAMPLE_ACCOUNT}:" in grant.terms.role:
            yield f"the account {_EXAMPLE_ACCOUNT}"


def described(policy: Policy) -> str:
    """Return the policy's identity and size."""
    grants = "1 grant" if len(policy.grants) == 1 else f"{len(policy.grants)} grants"
    return f"policy {policy.sha256[:12]} loads: {grants}"


if __name__ == "__main__":
    try:
        print(described(checked_policy(Path(sys.argv[1]))))
    except NotDeployed as error:
        sys.exit(f"not deployed: {error}")

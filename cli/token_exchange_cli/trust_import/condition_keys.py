"""The claims of a token that AWS has a condition key for.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Security Token Service",
AssumeRoleWithWebIdentity; IAM User Guide, "Available keys for AWS OIDC federation". Read in November 2026.

A claim without a key is never in the context of a request: a condition that needs it holds for no token, whatever its
claims.
"""

import re
from collections.abc import Mapping
from typing import Final

_OF_EVERY_PROVIDER: Final = frozenset({"amr", "aud", "sub"})

_OF_GITHUB: Final = frozenset(
    {
        "actor",
        "actor_id",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
        "repository_id",
        "repository_owner_id",
        "workflow",
    }
)

_BY_ADDRESS: Final[Mapping[str, frozenset[str]]] = {
    r"token\.actions\.githubusercontent\.com(?:/[^/]+)?": _OF_GITHUB,
    r"token\.actions\.[^./]+\.ghe\.com": _OF_GITHUB,
    r"gitlab\.com": frozenset(
        {
            "namespace_id",
            "pipeline_source",
            "project_id",
            "ref_protected",
            "runner_environment",
            "user_access_level",
            "user_email",
            "user_id",
            "user_login",
        }
    ),
    r"agent\.buildkite\.com": frozenset(
        {
            "build_branch",
            "cluster_id",
            "cluster_name",
            "organization_id",
            "organization_slug",
            "pipeline_id",
            "pipeline_slug",
        }
    ),
    r"oidc\.circleci\.com/org/[^/]+": frozenset({"oidc.circleci.com/project-id"}),
    r"accounts\.google\.com": frozenset({"google/organization_number", "oaud"}),
}
"""The claims with a key besides those of every provider, by the issuer's URL without its scheme."""


def claim_of_key(address: str, name: str) -> str:
    """Return the claim that the key `address:name` is for. Keys ignore case, and claims do not."""
    return name.lower() if has_key(address, name) else name


def has_key(address: str, claim: str) -> bool:
    """Say whether AWS has a condition key for `claim` of the tokens of the issuer at `address`."""
    wanted = claim.lower()
    return wanted in _OF_EVERY_PROVIDER or any(
        wanted in claims for form, claims in _BY_ADDRESS.items() if re.fullmatch(form, address, re.IGNORECASE)
    )

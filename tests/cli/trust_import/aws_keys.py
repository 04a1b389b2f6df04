"""The condition keys that AWS has for tokens, by issuer.

Taken from the Service Authorization Reference (AWS Security Token Service, AssumeRoleWithWebIdentity), apart from the
list of the program that is tested: the two can disagree.
"""

import re
from typing import Final

_GITHUB: Final = """
    actor actor_id enterprise_id environment job_workflow_ref ref repository repository_id repository_owner_id workflow
"""
_KEYS: Final = (
    (r"token\.actions\.githubusercontent\.com(/.+)?", _GITHUB),
    (r"token\.actions\.[a-z0-9-]+\.ghe\.com", _GITHUB),
    (
        r"gitlab\.com",
        """namespace_id pipeline_source project_id ref_protected runner_environment user_access_level user_email user_id
        user_login""",
    ),
    (
        r"agent\.buildkite\.com",
        "build_branch cluster_id cluster_name organization_id organization_slug pipeline_id pipeline_slug",
    ),
    (r"oidc\.circleci\.com/org/.+", "oidc.circleci.com/project-id"),
    (r"accounts\.google\.com", "oaud google/organization_number"),
)


def keys_of(address: str) -> frozenset[str]:
    """Return the claims of the issuer at `address` that AWS has a condition key for."""
    own = next((names for form, names in _KEYS if re.fullmatch(form, address)), "")
    return frozenset({"amr", "aud", "sub", *own.split()})

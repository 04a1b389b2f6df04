"""GitLab CI/CD on a self-managed server.

Ids and booleans are text, but `runner_id` is a number.
Source: GitLab docs, "ID token authentication".
"""

from typing import Final
from urllib.parse import urlsplit

from sandbox.providers.shape import Claims, Entry, Provider, Shown


def _derive(claims: Claims, issuer: str) -> Claims:
    project = str(claims["project_path"])
    kind = "tags" if claims["ref_type"] == "tag" else "heads"
    ref_path = str(claims.get("ref_path", f"refs/{kind}/{claims['ref']}"))
    server = urlsplit(issuer)
    return {
        "namespace_path": project.rpartition("/")[0],
        "job_project_id": claims["project_id"],
        "job_project_path": project,
        "job_namespace_id": claims["namespace_id"],
        "job_namespace_path": project.rpartition("/")[0],
        "ref_path": ref_path,
        "ci_config_ref_uri": f"{server.netloc}{server.path}/{project}//.gitlab-ci.yml@{ref_path}",
        "ci_config_sha": claims["sha"],
        "sub": f"project_path:{project}:ref_type:{claims['ref_type']}:ref:{claims['ref']}",
    }


PROVIDER: Final = Provider(
    name="gitlab",
    issuer_path="/gitlab",
    keys_path="/oauth/discovery/keys",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=5,
    scenarios={
        "push-main": {},
        "push-feature": {"ref": "feature/refunds", "ref_protected": "false"},
        "tag": {"ref": "v4.0.1", "ref_type": "tag"},
        "environment": {
            "environment": "production",
            "environment_protected": "true",
            "deployment_tier": "production",
            "environment_action": "start",
        },
        "merge-request": {
            "ref": "feature/refunds",
            "ref_protected": "false",
            "pipeline_source": "merge_request_event",
            "ref_path": "refs/merge-requests/8/head",
        },
        # Runs in our project, but project, namespace and ref are the fork's.
        "fork-merge-request": {
            "namespace_id": "666",
            "project_id": "6661",
            "project_path": "stranger/checkout",
            "job_project_id": "3107",
            "job_project_path": "acme/payments/checkout",
            "job_namespace_id": "310",
            "job_namespace_path": "acme/payments",
            "user_id": "660",
            "user_login": "stranger",
            "user_email": "stranger@elsewhere.example",
            "user_access_level": "owner",
            "pipeline_source": "merge_request_event",
            "ref_protected": "false",
            "project_visibility": "public",
        },
    },
    derive=_derive,
    entry=Entry(
        name="gitlab",
        keys="""\
issuer: $issuer
organizations: [{name: acme}]
""",
        grant="""\
match: {branch: main, ref_protected: true}
repositories: ["gitlab/{repository}", "gitlab/{repository}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("project_path", "ref_path", "ref_protected"),
        pushes=("gitlab/acme/payments/checkout", "gitlab/acme/payments/checkout/*"),
        refused="push-feature",
        reason="no-matching-grant",
    ),
)

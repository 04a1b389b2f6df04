"""Systems that run pipelines of the repositories that they host."""

from collections.abc import Mapping

from fuzz.reference.reading import (
    Claims,
    Entry,
    Read,
    System,
    SystemOf,
    bare,
    claim,
    event_is_not,
    fixed,
    flag,
    short_ref,
)
from fuzz.reference.values import Json, without_braces


def _actions(*, workflow_ref: str) -> dict[str, Read]:
    """Return the names of systems that follow GitHub Actions."""
    return {
        "organization": claim("repository_owner"),
        "organization_id": claim("repository_owner_id"),
        "repository": claim("repository"),
        "repository_id": claim("repository_id"),
        "workflow": claim("workflow"),
        "workflow_ref": claim(workflow_ref),
        "ref": claim("ref"),
        "branch": short_ref("branch"),
        "tag": short_ref("tag"),
        "event": claim("event_name"),
        "run_id": claim("run_id"),
        "actor": claim("actor"),
        "actor_id": claim("actor_id"),
        "sha": claim("sha"),
    }


def _github(_entry: Entry) -> System:
    return System(
        names={
            **_actions(workflow_ref="job_workflow_ref"),
            "ref_protected": flag("ref_protected"),
            "environment": claim("environment"),
            "job_id": claim("check_run_id"),
        },
        marks={("repository_id",): None, ("event_name",): None, ("job_workflow_ref",): None},
        outsiders=_github_outsiders,
        ignores_case=True,
        not_for_push=frozenset({"workflow"}),
    )


def _github_outsiders(claims: Claims) -> bool:
    event = claims.get("event_name")
    members = ("push", "create", "release", "workflow_dispatch", "repository_dispatch", "schedule", "merge_group")
    # A deployment of a bare commit has no ref, and bots make those for forks.
    return event not in (*members, "deployment") or (event == "deployment" and claims.get("ref") in (None, ""))


def _forgejo(_entry: Entry) -> System:
    return System(
        names=_actions(workflow_ref="workflow_ref"),
        marks={(name,): None for name in ("event_name", "repository", "repository_owner", "workflow_ref")},
        outsiders=event_is_not("push", "create", "release", "workflow_dispatch", "schedule"),
        ignores_case=True,
        not_for_push=frozenset({"workflow"}),
    )


def _gitea(_entry: Entry) -> System:
    return System(
        names=_actions(workflow_ref="workflow_ref"),
        marks={(name,): None for name in ("event_name", "repository_id", "repository_owner_id", "run_id")},
        outsiders=event_is_not("push", "create", "release", "workflow_dispatch", "schedule"),
        ignores_case=True,
        not_for_push=frozenset({"workflow"}),
    )


def _gitlab(_entry: Entry) -> System:
    return System(
        names={
            "organization": claim("namespace_path"),
            "organization_id": claim("namespace_id"),
            "repository": claim("project_path"),
            "repository_id": claim("project_id"),
            "workflow_ref": claim("ci_config_ref_uri"),
            "ref": claim("ref_path"),
            "branch": _gitlab_ref("branch"),
            "tag": _gitlab_ref("tag"),
            "ref_protected": flag("ref_protected"),
            "environment": claim("environment"),
            "event": claim("pipeline_source"),
            "run_id": claim("pipeline_id"),
            "job_id": claim("job_id"),
            "actor": claim("user_login"),
            "actor_id": claim("user_id"),
            "sha": claim("sha"),
        },
        marks={("project_id",): None, ("job_id",): None},
        outsiders=_gitlab_outsiders,
        ignores_case=True,
        organization_is_path=True,
    )


def _gitlab_outsiders(claims: Claims) -> bool:
    return claims.get("job_project_id") != claims.get("project_id") or claims.get("pipeline_source") in (
        "merge_request_event",
        "external_pull_request_event",
    )


def _gitlab_ref(kind: str) -> Read:
    def read(claims: Claims) -> Json:
        merge = claims.get("pipeline_source") in ("merge_request_event", "external_pull_request_event")
        return claim("ref")(claims) if claims.get("ref_type") == kind and not merge else None

    return Read((("ref",),), read)


def _bitbucket(entry: Entry) -> System:
    return System(
        names={
            "organization": fixed(str(entry["workspace"])),
            "organization_id": bare("workspaceUuid"),
            "repository_id": bare("repositoryUuid"),
            "branch": claim("branchName"),
            "environment": bare("deploymentEnvironmentUuid"),
            "run_id": bare("pipelineUuid"),
            "job_id": bare("stepUuid"),
        },
        marks={("workspaceUuid",): None, ("repositoryUuid",): None, ("stepUuid",): None},
        not_for_push=frozenset({"branch"}),
        braces=True,
    )


def _azure(entry: Entry) -> System:
    def outsiders(claims: Claims) -> bool:
        return not str(claims.get("rpo_ref")).startswith(("refs/heads/", "refs/tags/"))

    return System(
        names={
            "organization_id": claim("org_id"),
            "repository_id": Read(
                (("rpo_id",),), lambda claims: claims.get("rpo_id") if _is_uuid(claims.get("rpo_id")) else None
            ),
            "pipeline_id": claim("def_id"),
            "ref": claim("rpo_ref"),
            "branch": short_ref("branch", ref="rpo_ref", said=None),
            "tag": short_ref("tag", ref="rpo_ref", said=None),
            "run_id": claim("run_id"),
            "sha": claim("rpo_ver"),
        },
        marks={("def_id",): None, ("prj_id",): None, ("org_id",): entry.get("organization")},
        outsiders=outsiders,
        not_for_push=frozenset({"ref", "branch", "tag", "sha"}),
    )


def _is_uuid(value: Json) -> bool:
    return isinstance(value, str) and without_braces("{" + value + "}") == value


SYSTEMS: Mapping[str, SystemOf] = {
    "github-actions": _github,
    "gitlab": _gitlab,
    "bitbucket-pipelines": _bitbucket,
    "azure-devops": _azure,
    "forgejo": _forgejo,
    "gitea": _gitea,
}

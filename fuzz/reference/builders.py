"""Systems that build repositories that others host."""

from collections.abc import Mapping

from fuzz.reference.reading import (
    Claims,
    Entry,
    Read,
    System,
    SystemOf,
    claim,
    event_is_not,
    fixed,
    repository_of_url,
    short_ref,
    unless,
)
from fuzz.reference.values import Abstains, Json

_CIRCLE = "oidc.circleci.com/"


_VELA_MEMBERS = ("push", "tag", "deployment", "schedule")


def _bitrise(_entry: Entry) -> System:
    return System(
        names={
            "organization": claim("workspace_slug"),
            "organization_id": claim("workspace_slug"),
            "repository": Read((("repository_owner",), ("repository_slug",)), _bitrise_repository),
            "pipeline_id": claim("app_slug"),
            "workflow": claim("workflow"),
            "branch": unless("branch", "branch_dest"),
            "tag": unless("tag", "branch_dest"),
            "event": claim("trigger_by"),
            "run_id": claim("build_number"),
            "sha": claim("sha"),
        },
        marks={("app_slug",): None, ("workspace_slug",): None},
        outsiders=lambda claims: claims.get("branch_dest") not in (None, ""),
        not_for_push=frozenset({"repository", "workflow", "branch", "tag", "event", "sha"}),
    )


def _bitrise_repository(claims: Claims) -> Json:
    owner, slug = claims.get("repository_owner"), claims.get("repository_slug")
    if isinstance(slug, str) and "/" in slug:
        raise Abstains("a Bitrise slug with a slash")
    return f"{owner}/{slug}" if owner and slug else None


def _circleci(entry: Entry) -> System:
    return System(
        names={
            "organization_id": claim(f"{_CIRCLE}org-id"),
            "repository": repository_of_url(f"{_CIRCLE}vcs-origin"),
            "pipeline_id": claim(f"{_CIRCLE}project-id"),
            "ref": claim(f"{_CIRCLE}vcs-ref"),
            "branch": short_ref("branch", ref=f"{_CIRCLE}vcs-ref", said=None),
            "tag": short_ref("tag", ref=f"{_CIRCLE}vcs-ref", said=None),
            "run_id": claim(f"{_CIRCLE}pipeline-id"),
            "job_id": claim(f"{_CIRCLE}job-id"),
        },
        marks={
            (f"{_CIRCLE}org-id",): entry.get("organization"),
            (f"{_CIRCLE}project-id",): None,
            (f"{_CIRCLE}ssh-rerun",): False,
        },
        outsiders=lambda claims: str(claims.get(f"{_CIRCLE}vcs-ref")).startswith("refs/pull/"),
        not_for_push=frozenset({"repository", "ref", "branch", "tag"}),
        must_match=(f"{_CIRCLE}vcs-origin", "repository"),
    )


def _buildkite(_entry: Entry) -> System:
    return System(
        names={
            "organization": claim("organization_slug"),
            "organization_id": claim("organization_id"),
            "pipeline": claim("pipeline_slug"),
            "pipeline_id": claim("pipeline_id"),
            "branch": unless("build_branch", "build_tag"),
            "tag": claim("build_tag"),
            "event": claim("build_source"),
            "run_id": claim("build_number"),
            "job_id": claim("job_id"),
            "sha": claim("build_commit"),
        },
        marks={("organization_id",): None, ("pipeline_id",): None},
        not_for_push=frozenset({"branch", "tag", "sha"}),
    )


def _jenkins(entry: Entry) -> System:
    address = str(entry.get("issuer") or f"https://{entry['host']}")
    return System(
        names={
            "organization": fixed(address.removeprefix("https://").split("/")[0].split(":")[0]),
            "pipeline": claim("sub"),
            "run_id": claim("build_number"),
        },
        marks={("build_number",): None},
    )


def _semaphore(entry: Entry) -> System:
    return System(
        names={
            "organization": fixed(str(entry["organization"])),
            "organization_id": claim("org_id"),
            "repository": claim("repo_slug"),
            "pipeline": claim("prj"),
            "pipeline_id": claim("prj_id"),
            "ref": claim("ref"),
            "branch": short_ref("branch"),
            "tag": short_ref("tag"),
            "run_id": claim("wf_id"),
            "job_id": claim("job_id"),
        },
        marks={("org_id",): None, ("prj_id",): None, ("ref_type",): None, ("job_type",): "pipeline_job"},
        outsiders=event_is_not("branch", "tag", name="ref_type"),
    )


def _codefresh(entry: Entry) -> System:
    target = "scm_pull_request_target_branch"
    return System(
        names={
            "organization": claim("account_name"),
            "organization_id": claim("account_id"),
            "repository": repository_of_url("scm_repo_url"),
            "pipeline": claim("pipeline_name"),
            "pipeline_id": claim("pipeline_id"),
            "ref": claim("scm_ref"),
            "run_id": claim("workflow_id"),
            "actor": claim("initiator"),
        },
        marks={
            ("account_id",): None,
            ("pipeline_id",): None,
            ("platform_url",): entry.get("platform_url", "https://g.codefresh.io"),
        },
        defaults={("platform_url",): "https://g.codefresh.io"},
        outsiders=lambda claims: claims.get(target) is not None,
        not_for_push=frozenset({"repository", "ref", "branch"}),
    )


def _harness(entry: Entry) -> System:
    account = str(entry["account"])
    return System(
        names={
            "organization": fixed(account),
            "organization_id": fixed(account),
            "pipeline_id": claim("pipeline_id"),
            "environment": claim("environment_id"),
            "actor": claim("triggered_by_email"),
        },
        marks={
            ("organization_id",): None,
            ("project_id",): None,
            ("pipeline_id",): None,
            ("account_id",): account,
        },
        not_for_push=frozenset({"pipeline_id", "environment", "actor"}),
    )


def _vela(_entry: Entry) -> System:
    def outsiders(claims: Claims) -> bool:
        if claims.get("pull_fork") not in (None, "", "false"):
            return True
        return str(claims.get("event")).split(":")[0] not in _VELA_MEMBERS

    return System(
        names={
            "organization": Read((("repo",),), _vela_owner),
            "repository": claim("repo"),
            "ref": claim("ref"),
            "branch": short_ref("branch", ref="ref", said=None),
            "tag": short_ref("tag", ref="ref", said=None),
            "event": claim("event"),
            "run_id": claim("build_id"),
            "actor": claim("actor"),
            "actor_id": claim("actor_scm_id"),
            "sha": claim("sha"),
        },
        marks={("build_id",): None, ("event",): None, ("repo",): None, ("token_type",): "ID"},
        outsiders=outsiders,
    )


def _vela_owner(claims: Claims) -> Json:
    parts = str(claims.get("repo")).split("/")
    return parts[0] if not parts[2:] and parts[1:] and all(parts) else None


SYSTEMS: Mapping[str, SystemOf] = {
    "bitrise": _bitrise,
    "circleci": _circleci,
    "buildkite": _buildkite,
    "jenkins": _jenkins,
    "semaphore": _semaphore,
    "codefresh": _codefresh,
    "harness": _harness,
    "vela": _vela,
}

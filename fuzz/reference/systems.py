"""What each CI system's token says of a run, by docs/policy.md and docs/providers.md.

A name is read by a small function of the claims. Which runs outsiders can start, and which names may not fill the
template of a push, stand beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fuzz.reference.values import Abstains, Json, NotAJob, at, without_braces

type Claims = Mapping[str, Json]


@dataclass(frozen=True)
class Read:
    """How a name is read, and out of which claims, by path."""

    of: tuple[tuple[str, ...], ...]
    value: Callable[[Claims], Json]

    def __call__(self, claims: Claims) -> Json:
        """Return the value, or None."""
        return self.value(claims)


@dataclass(frozen=True, kw_only=True)
class System:
    """One CI system.

    `marks` are what a job's token must have, by path; None accepts any value. `defaults` are what an absent mark means.
    """

    names: Mapping[str, Read]
    marks: Mapping[tuple[str, ...], Json] = field(default_factory=dict)
    defaults: Mapping[tuple[str, ...], Json] = field(default_factory=dict)
    outsiders: Callable[[Claims], bool] = lambda _claims: False
    ignores_case: bool = False
    organization_is_path: bool = False
    not_for_push: frozenset[str] = frozenset()
    braces: bool = False
    must_match: tuple[str, ...] = ()


def claim(*path: str) -> Read:
    """Return what reads a claim: ids and numbers become text, empty text is absent."""

    def read(claims: Claims) -> Json:
        value = at(claims, path)
        if isinstance(value, float):
            raise Abstains("an id that is sent as a fraction")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return None if value == "" else value

    return Read((path,), read)


def flag(name: str) -> Read:
    """Return what reads a boolean that may be sent as text."""

    def read(claims: Claims) -> Json:
        value = claims.get(name)
        if value in (None, ""):
            return None
        if not isinstance(value, bool) and value not in ("true", "false"):
            raise NotAJob(name)
        return value in (True, "true")

    return Read(((name,),), read)


def fixed(value: str) -> Read:
    """Return what is the same for every token of the issuer."""
    return Read((), lambda _claims: value)


def bare(name: str) -> Read:
    """Return what reads a UUID that comes in braces."""
    return Read(((name,),), lambda claims: without_braces(claim(name)(claims)))


def short_ref(kind: str, *, ref: str = "ref", said: str | None = "ref_type") -> Read:
    """Return what reads a branch or a tag out of a full ref, where the claim `said` agrees that it is one."""
    prefix = {"branch": "refs/heads/", "tag": "refs/tags/"}[kind]

    def read(claims: Claims) -> Json:
        value = claims.get(ref)
        if not isinstance(value, str) or not value.startswith(prefix) or (said and claims.get(said) != kind):
            return None
        return value[len(prefix) :] or None

    return Read(((ref,),), read)


def unless(name: str, other: str) -> Read:
    """Return what reads a claim where `other` is neither there nor holds anything."""
    return Read(((name,),), lambda claims: claim(name)(claims) if claims.get(other) in (None, "") else None)


def repository_of_url(name: str) -> Read:
    """Return what reads `owner/name` out of an address."""

    def read(claims: Claims) -> Json:
        value = claims.get(name)
        if not isinstance(value, str) or not value:
            return None
        rest = value.removeprefix("https://").removeprefix("http://")
        host, *parts = rest.removesuffix("/").removesuffix(".git").split("/")
        fine = host and len(parts) > 1 and all(part and _is_plain(part) for part in parts)
        return "/".join(parts) if fine else None

    return Read(((name,),), read)


def _is_plain(text: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in "_.-") for char in text)


def _is_uuid(value: Json) -> bool:
    return isinstance(value, str) and without_braces("{" + value + "}") == value


_STS = "https://sts.amazonaws.com/"
_K8S = "kubernetes.io"
_CIRCLE = "oidc.circleci.com/"
_IDS = frozenset({"organization_id", "repository_id", "pipeline_id", "run_id", "job_id", "actor_id"})


def _event_but(*trusted: str, name: str = "event_name") -> Callable[[Claims], bool]:
    return lambda claims: claims.get(name) not in trusted


def _github_outsiders(claims: Claims) -> bool:
    event = claims.get("event_name")
    members = ("push", "create", "release", "workflow_dispatch", "repository_dispatch", "schedule", "merge_group")
    # A deployment of a bare commit has no ref, and bots make those for forks.
    return event not in (*members, "deployment") or (event == "deployment" and claims.get("ref") in (None, ""))


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


def _bitrise_repository(claims: Claims) -> Json:
    owner, slug = claims.get("repository_owner"), claims.get("repository_slug")
    if isinstance(slug, str) and "/" in slug:
        raise Abstains("a Bitrise slug with a slash")
    return f"{owner}/{slug}" if owner and slug else None


def _google_project(claims: Claims) -> Json:
    email = str(claims.get("email"))
    name, _, host = email.partition("@")
    project = host.removesuffix(".iam.gserviceaccount.com")
    fine = name and host.endswith(".iam.gserviceaccount.com") and "@" not in host
    return project if fine and project and not name.split()[1:] else None


def _vela_owner(claims: Claims) -> Json:
    parts = str(claims.get("repo")).split("/")
    return parts[0] if not parts[2:] and parts[1:] and all(parts) else None


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


def system_of(entry: Mapping[str, Json]) -> System:
    """Return the system of a policy's issuer `entry`."""
    return _SYSTEMS[str(entry["provider"])](entry)


def _github(_entry: Mapping[str, Json]) -> System:
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


def _gitlab(_entry: Mapping[str, Json]) -> System:
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


def _bitbucket(entry: Mapping[str, Json]) -> System:
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


def _bitrise(_entry: Mapping[str, Json]) -> System:
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


def _aws(_entry: Mapping[str, Json]) -> System:
    return System(
        names={
            "organization": claim(_STS, "org_id"),
            "organization_id": claim(_STS, "aws_account"),
            "actor": claim("sub"),
            "actor_id": claim("sub"),
        },
        marks={(_STS, "aws_account"): None},
    )


def _circleci(entry: Mapping[str, Json]) -> System:
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


def _buildkite(_entry: Mapping[str, Json]) -> System:
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


def _azure(entry: Mapping[str, Json]) -> System:
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


def _google(_entry: Mapping[str, Json]) -> System:
    return System(
        names={"organization": Read((("email",),), _google_project), "actor": claim("email"), "actor_id": claim("sub")},
        marks={("email",): "*.gserviceaccount.com", ("email_verified",): True},
    )


def _terraform(_entry: Mapping[str, Json]) -> System:
    prefix = "terraform_"
    return System(
        names={
            "organization": claim(f"{prefix}organization_name"),
            "organization_id": claim(f"{prefix}organization_id"),
            "pipeline": claim(f"{prefix}workspace_name"),
            "pipeline_id": claim(f"{prefix}workspace_id"),
            "run_id": claim(f"{prefix}run_id"),
        },
        marks={(f"{prefix}{name}",): None for name in ("organization_id", "workspace_id", "run_id", "run_phase")},
        outsiders=_event_but("apply", name=f"{prefix}run_phase"),
    )


def _jenkins(entry: Mapping[str, Json]) -> System:
    address = str(entry.get("issuer") or f"https://{entry['host']}")
    return System(
        names={
            "organization": fixed(address.removeprefix("https://").split("/")[0].split(":")[0]),
            "pipeline": claim("sub"),
            "run_id": claim("build_number"),
        },
        marks={("build_number",): None},
    )


def _semaphore(entry: Mapping[str, Json]) -> System:
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
        outsiders=_event_but("branch", "tag", name="ref_type"),
    )


def _codefresh(entry: Mapping[str, Json]) -> System:
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


def _harness(entry: Mapping[str, Json]) -> System:
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


def _spacelift(entry: Mapping[str, Json]) -> System:
    return System(
        names={
            "organization": fixed(str(entry["account"])),
            "pipeline_id": claim("callerId"),
            "event": claim("runType"),
            "run_id": claim("runId"),
        },
        marks={(name,): None for name in ("callerId", "callerType", "runId", "runType")},
        outsiders=_event_but("TRACKED", "TASK", "DESTROY", name="runType"),
    )


def _kubernetes(_entry: Mapping[str, Json]) -> System:
    return System(
        names={
            "organization": claim(_K8S, "namespace"),
            "run_id": claim(_K8S, "pod", "uid"),
            "actor": claim("sub"),
            "actor_id": claim(_K8S, "serviceaccount", "uid"),
        },
        marks={
            (_K8S, "namespace"): None,
            (_K8S, "serviceaccount", "name"): None,
            (_K8S, "serviceaccount", "uid"): None,
        },
    )


def _forgejo(_entry: Mapping[str, Json]) -> System:
    return System(
        names=_actions(workflow_ref="workflow_ref"),
        marks={(name,): None for name in ("event_name", "repository", "repository_owner", "workflow_ref")},
        outsiders=_event_but("push", "create", "release", "workflow_dispatch", "schedule"),
        ignores_case=True,
        not_for_push=frozenset({"workflow"}),
    )


def _gitea(_entry: Mapping[str, Json]) -> System:
    return System(
        names=_actions(workflow_ref="workflow_ref"),
        marks={(name,): None for name in ("event_name", "repository_id", "repository_owner_id", "run_id")},
        outsiders=_event_but("push", "create", "release", "workflow_dispatch", "schedule"),
        ignores_case=True,
        not_for_push=frozenset({"workflow"}),
    )


_VELA_MEMBERS = ("push", "tag", "deployment", "schedule")


def _vela(_entry: Mapping[str, Json]) -> System:
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


def _generic(entry: Mapping[str, Json]) -> System:
    mapped = entry.get("claims")
    names = dict(mapped) if isinstance(mapped, dict) else {}
    if "organization_claim" in entry:
        names["organization"] = entry["organization_claim"]
    reads: dict[str, Read] = {}
    for name, place in names.items():
        path = [str(part) for part in place] if isinstance(place, list) else [str(place)]
        reads[name] = flag(path[0]) if name == "ref_protected" else claim(*path)
    fillable = _IDS | {"organization", "repository"}
    return System(names=reads, not_for_push=frozenset(names) - fillable)


_SYSTEMS: Mapping[str, Callable[[Mapping[str, Json]], System]] = {
    "github-actions": _github,
    "gitlab": _gitlab,
    "bitbucket-pipelines": _bitbucket,
    "bitrise": _bitrise,
    "aws-sts": _aws,
    "circleci": _circleci,
    "buildkite": _buildkite,
    "azure-devops": _azure,
    "google": _google,
    "hcp-terraform": _terraform,
    "jenkins": _jenkins,
    "semaphore": _semaphore,
    "codefresh": _codefresh,
    "harness": _harness,
    "spacelift": _spacelift,
    "kubernetes": _kubernetes,
    "forgejo": _forgejo,
    "gitea": _gitea,
    "vela": _vela,
    "generic": _generic,
}

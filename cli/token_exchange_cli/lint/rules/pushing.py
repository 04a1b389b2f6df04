"""Who may push: everybody who can push a branch, unless a grant says more."""

from collections.abc import Iterator, Mapping
from typing import Final

from token_exchange.policy.model import Grant
from token_exchange.policy.reading.problems import Path
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import BracedUuid, ClaimPath, Name
from token_exchange_cli.lint.conditions import condition_path, demands, has, is_about
from token_exchange_cli.lint.finding import Finding, Subject, warning

_WHERE: Final[tuple[Name, ...]] = ("branch", "tag", "ref", "ref_protected", "environment")
_ID_OF: Final[tuple[tuple[Name, Name], ...]] = (
    ("organization", "organization_id"),
    ("repository", "repository_id"),
    ("pipeline", "pipeline_id"),
    ("actor", "actor_id"),
)


_WRITTEN: Final[Mapping[str, frozenset[tuple[str, ClaimPath]]]] = {
    "aws-sts": frozenset({("claims", ("https://sts.amazonaws.com/", "request_tags"))}),
    "buildkite": frozenset({("claims", ("step_key",))}),
    "gitea": frozenset({("match", ("workflow",)), ("claims", ("workflow",))}),
    "github-actions": frozenset({("match", ("workflow",)), ("claims", ("workflow",))}),
    "vela": frozenset({("claims", (name,)) for name in ("commands", "image", "image_name", "image_tag")}),
}
"""What a file of the repository, or the job's own call, chooses; from each provider's page in docs/providers.md."""


def _pushing(subject: Subject) -> Iterator[tuple[Path, Grant]]:
    for path, grant in subject.grants():
        if grant.terms is not None and grant.terms.access == "push":
            yield path, grant


def push_from_anywhere(subject: Subject) -> Iterator[Finding]:
    """Without a branch, tag, protected ref or environment everybody who can push a branch can push images."""
    for path, grant in _pushing(subject):
        for preset in subject.presets(grant):
            if any(name in preset.vocabulary for name in _WHERE) and not has(grant.conditions, _WHERE, preset):
                yield warning(
                    "push-from-anywhere",
                    path,
                    f"everybody who can start a run of {preset.provider} from any branch can push images",
                    "add a condition on branch, tag, ref_protected or environment",
                )
                break


def environment_alone(subject: Subject) -> Iterator[Finding]:
    """A workflow makes an environment by naming it, so the name alone protects nothing."""
    for path, grant in subject.grants():
        for preset in subject.presets(grant):
            source = preset.vocabulary.get("environment")
            if source is None or isinstance(source, BracedUuid) or not has(grant.conditions, ("environment",), preset):
                continue
            if not has(grant.conditions, ("repository", "repository_id", "branch", "tag", "ref"), preset):
                yield warning(
                    "environment-alone",
                    path,
                    "any workflow of the organization makes an environment by naming it",
                    "add repository_id, and a branch or a tag",
                )
                break


def unprotected_gitlab_push(subject: Subject) -> Iterator[Finding]:
    """On GitLab a protected ref is the bound on who may run what."""
    for path, grant in _pushing(subject):
        if any(
            preset.provider == "gitlab" and not has(grant.conditions, ("ref_protected",), preset)
            for preset in subject.presets(grant)
        ):
            yield warning(
                "unprotected-gitlab-push",
                path,
                "whoever may push an unprotected branch of this name can push images",
                "add ref_protected: true",
            )


def written_by_the_job(subject: Subject) -> Iterator[Finding]:
    """A value that the job itself can choose keeps nobody out."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            writers = [
                preset.provider
                for preset in subject.presets(grant)
                if (condition.section, condition.path[:2]) in _WRITTEN.get(preset.provider, ())
                or (condition.section, condition.path[:1]) in _WRITTEN.get(preset.provider, ())
            ]
            if writers and demands(condition):
                yield warning(
                    "written-by-the-job",
                    condition_path(path, condition),
                    f"a job of {writers[0]} writes this itself, so it keeps nobody out",
                    "rest on what the CI system records: repository_id, branch, workflow_ref",
                )


def _names(subject: Subject, grant: Grant) -> set[Name]:
    return {name for preset in subject.presets(grant) for name in preset.vocabulary}


def declared_alone(subject: Subject) -> Iterator[Finding]:
    """What a user of the CI system types in identifies nobody."""
    for path, grant in subject.grants():
        if grant.conditions and any(
            all(_is_declared_only(subject, grant, place, preset) for place in range(len(grant.conditions)))
            for preset in subject.presets(grant)
        ):
            yield warning(
                "declared-alone",
                path,
                "every condition rests on what a user of the CI system types in, and any other user could type it too",
                "add a condition on an id, such as pipeline_id",
            )


def _is_declared_only(subject: Subject, grant: Grant, place: int, preset: Preset) -> bool:
    condition = grant.conditions[place]
    if condition.section == "claims":
        return condition.path in preset.declared
    return any(name == condition.path[0] and preset.is_declared(name) for name in _names(subject, grant))


def id_unused(subject: Subject) -> Iterator[Finding]:
    """A repository by name is whoever has the name."""
    for path, grant in subject.grants():
        for name, id_ in _ID_OF:
            named = [one for one in grant.conditions if one.path == (name,) and one.section == "match" and demands(one)]
            if not named:
                continue
            for preset in subject.presets(grant):
                source, id_source = preset.vocabulary.get(name), preset.vocabulary.get(id_)
                if source is None or id_source is None or source == id_source or preset.is_declared(name):
                    continue
                if not any(is_about(one, id_, preset) for one in grant.conditions):
                    yield warning(
                        "id-unused",
                        condition_path(path, named[0]),
                        f"the {name} can be renamed or deleted, and its name taken by somebody else",
                        f"add {id_}, which never changes",
                    )
                    break


RULES: Final = (
    push_from_anywhere,
    environment_alone,
    unprotected_gitlab_push,
    written_by_the_job,
    declared_alone,
    id_unused,
)

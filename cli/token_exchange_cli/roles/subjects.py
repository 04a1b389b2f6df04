"""Patterns of `sub` for those runs that a grant is for: what a role that trusts a CI system itself has to go by.

Source: GitHub Docs, "OpenID Connect reference", of the subject; GitLab Docs, "ID token authentication", of `sub`;
Bitbucket's, Bitrise's and CircleCI's pages on OIDC. Where `sub` is customised the role refuses, and the grant can say
under `claims` what it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from token_exchange.core.conditions import Condition, Equals, Like
from token_exchange.core.policy import Grant, Issuer, Organization
from token_exchange.core.vocabulary import Name
from token_exchange_cli.meaning.subjects import names_the_tenant
from token_exchange_cli.reachable import organizations_left

ANYTHING: Final = "*"


class NoSubject(Exception):
    """Nothing of the grant says whose `sub` it is; the text says what would."""


def subject_patterns(grant: Grant, issuer: Issuer) -> tuple[str, ...]:
    """Return patterns of IAM for the `sub` of runs by `issuer` that `grant` is for, none of another organization's.

    Raises:
        NoSubject: there are none; the role would trust whoever can have a token of this issuer.
    """
    found = _of_sub_itself(grant, issuer)
    if found is None:
        maker = _MAKERS.get(issuer.preset.provider)
        if maker is None:
            raise NoSubject("add claims: {sub: …} to the grant")
        found = [
            pattern for organization in organizations_left(grant, [issuer]) for pattern in maker(grant, organization)
        ]
    if not found or not all(names_the_tenant(issuer.preset.provider, pattern) for pattern in found):
        raise NoSubject("name its organizations or repositories, or add claims: {sub: …} that begins with their name")
    return tuple(sorted(set(found)))


def _of_sub_itself(grant: Grant, issuer: Issuer) -> list[str] | None:
    stated = _stated(grant, "claims", "sub")
    for name, source in issuer.preset.vocabulary.items():
        if stated is None and source.source_claims == (("sub",),):
            stated = _stated(grant, "match", name)
    return stated


def _stated(grant: Grant, section: str, name: str) -> list[str] | None:
    """Return patterns for the values that the grant's conditions leave to a claim, or None where they leave all."""
    for condition in grant.conditions:
        if condition.document_path == (section, name):
            return _patterns(condition)
    return None


def _patterns(condition: Condition) -> list[str] | None:
    for test in condition.tests:
        match test:
            case Equals():
                return [literal(key[1]) for key in test.keys if isinstance(key[1], str) and condition.holds(key[1])]
            case Like():
                return [re.sub(r"\*+", ANYTHING, glob.pattern.replace("${", "${$}{")) for glob in test.globs]
            case _:
                continue
    return None


def literal(text: str) -> str:
    """Return the pattern of IAM that `text` alone matches (IAM User Guide, "Policy variables", special characters)."""
    return re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", text)


def _name(grant: Grant, name: Name) -> list[str] | None:
    return _stated(grant, "match", name)


def _of_github(grant: Grant, organization: Organization) -> Iterator[str]:
    tails = _tails_of_github(grant)
    ids = _name(grant, "repository_id")
    owner_id = ANYTHING if organization.id is None else organization.id
    for owner, name in _github_repositories(grant, organization):
        for tail in tails:
            # Where only the id is stated the older form, which has none, would let all of the owner's repositories in.
            if ids is None or name != ANYTHING:
                yield f"repo:{owner}/{name}:{tail}"
            # Neither a name nor a ref holds a colon, and no name an @: what stands for * is an id, or the same owner's.
            yield from (f"repo:{owner}@{owner_id}/{name}@{one}:{tail}" for one in ids or [ANYTHING])


def _github_repositories(grant: Grant, organization: Organization) -> Iterator[tuple[str, str]]:
    stated = _name(grant, "repository")
    if stated is None:
        if organization.name is not None:
            yield literal(organization.name), ANYTHING
        return
    for repository in stated:
        owner, _, name = repository.partition("/")
        if organization.name is None or owner == organization.name:
            yield owner, name
        elif ANYTHING in owner or "?" in owner:
            yield organization.name, name


def _tails_of_github(grant: Grant) -> list[str]:
    forms: tuple[tuple[Name, str], ...] = (
        ("environment", "environment:"),
        ("branch", "ref:refs/heads/"),
        ("tag", "ref:refs/tags/"),
        ("ref", "ref:"),
    )
    for name, form in forms:
        stated = _name(grant, name)
        if stated is not None:
            return [form + value.replace(":", "%3A") for value in stated]
    return [ANYTHING]


def _of_gitlab(grant: Grant, organization: Organization) -> Iterator[str]:
    for project in _gitlab_projects(grant, organization):
        for tail in _tails_of_gitlab(grant):
            yield f"project_path:{project}:{tail}"


def _gitlab_projects(grant: Grant, organization: Organization) -> Iterator[str]:
    stated = _name(grant, "repository")
    group = organization.name
    if stated is None:
        if group is not None:
            yield f"{literal(group)}/{ANYTHING}"
        return
    for project in stated:
        if group is None or project.startswith(f"{group}/"):
            yield project
        elif ANYTHING in project or "?" in project:
            yield f"{literal(group)}/{ANYTHING}"


def _tails_of_gitlab(grant: Grant) -> list[str]:
    for kind in ("branch", "tag"):
        stated = _stated(grant, "match", kind)
        if stated is not None:
            return [f"ref_type:{kind}:ref:{value}" for value in stated]
    return [ANYTHING]


def _of_bitbucket(grant: Grant, _organization: Organization) -> Iterator[str]:
    # The repository's UUID comes in braces, then that of an environment, where there is one, and of the step.
    environments = _name(grant, "environment")
    for repository in _name(grant, "repository_id") or ():
        if environments is None:
            yield f"{{{repository}}}:{ANYTHING}"
        for environment in environments or ():
            yield f"{{{repository}}}:{{{environment}}}:{ANYTHING}"


def _of_bitrise(grant: Grant, _organization: Organization) -> Iterator[str]:
    workflows: Sequence[str] = _name(grant, "workflow") or [ANYTHING]
    for app in _name(grant, "pipeline_id") or ():
        yield from (f"app:{app}:workflow:{workflow}" for workflow in workflows)


def _of_circleci(grant: Grant, organization: Organization) -> Iterator[str]:
    if organization.id is not None:
        for project in _name(grant, "pipeline_id") or [ANYTHING]:
            yield f"org/{organization.id}/project/{project}/{ANYTHING}"


_MAKERS: Final[Mapping[str, Callable[[Grant, Organization], Iterator[str]]]] = {
    "bitbucket-pipelines": _of_bitbucket,
    "bitrise": _of_bitrise,
    "circleci": _of_circleci,
    "github-actions": _of_github,
    "gitlab": _of_gitlab,
}

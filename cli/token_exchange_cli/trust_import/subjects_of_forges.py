"""Subjects that name a repository by its path: GitHub and its like, GitLab, Vela.

Source: each provider's page on OIDC, of the subject.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange_cli.trust_import.subject import (
    OF_OUTSIDERS,
    ONLY_CUSTOMISED,
    WIDE_ORGANIZATION,
    Match,
    Reader,
    Subject,
    part,
    says_something,
    wild,
)
from token_exchange_cli.trust_import.values import Value


def _of_github(value: Value) -> Subject | None:
    form = re.fullmatch(r"repo:([^/:@]+(?:@[^/:]+)?)(?:/([^:@]+(?:@[^:]+)?)(?::(.*))?)?", value.text, re.DOTALL)
    if form is None:
        return _of_customised_github(value)
    owner, owner_id = _name_and_id(form[1])
    if wild(owner):
        return Subject(dangers=(WIDE_ORGANIZATION,))
    if form[2] is None:
        return None if value.is_pattern else Subject(dangers=(ONLY_CUSTOMISED.format("GitHub"),))
    name, repository_id = _name_and_id(form[2])
    match: dict[str, Value] = {}
    dangers: list[str] = []
    if not says_something(name):
        match["organization"] = Value(owner, is_pattern=False)
        dangers.append(f"takes every repository of {owner}")
    else:
        match["repository"] = part(value, f"{owner}/{name}")
        if value.is_pattern and "*" in name:
            dangers.append(f"takes each repository of {owner} whose name fits, such as {name.replace('*', '-other')}")
    if repository_id is not None and not wild(repository_id):
        match["repository_id"] = Value(repository_id, is_pattern=False)
    tail = form[3]
    if tail is None and not (value.is_pattern and "*" in form[2]):
        dangers = [ONLY_CUSTOMISED.format("GitHub")]
    elif tail is None or not says_something(tail):
        dangers.append("takes every branch, tag and environment; pull requests, too, which the policy refuses")
    else:
        match.update(_of_github_tail(value, tail))
    return Subject(
        organization=owner,
        organization_id=None if owner_id is None or wild(owner_id) else owner_id,
        match=match,
        dangers=(*dangers, *_outsiders(match)),
    )


def _of_customised_github(value: Value) -> Subject | None:
    # GitHub escapes the colons of values, so parts are told apart.
    form = re.match(r"(repository_owner|repository_owner_id|repository_id):([^:*?]+)(?::|\Z)", value.text)
    if form is None:
        return None
    match form[1]:
        case "repository_owner":
            return Subject(organization=form[2], match={"organization": Value(form[2], is_pattern=False)})
        case "repository_owner_id":
            return Subject(organization_id=form[2], match={"organization_id": Value(form[2], is_pattern=False)})
        case _:
            return Subject(match={"repository_id": Value(form[2], is_pattern=False)})


def _of_forgejo(value: Value) -> Subject | None:
    # The newer form is repo:OWNER-ID/NAME-ID, and an older one of somebody called OWNER-ID looks the same.
    if re.match(r"repo:[^/:]+-[0-9]+/[^:]+-[0-9]+(?::|\Z)", value.text):
        return Subject(
            dangers=("takes an owner whose name may end in a number, or one with that id: write which is meant",)
        )
    return _of_github(value)


def _of_gitea(value: Value) -> Subject | None:
    # The ids of owner and repository, and never their names.
    form = re.fullmatch(r"repo:([0-9]+)/([0-9]+)(?::(.*))?", value.text, re.DOTALL)
    if form is None:
        return _of_github(value)
    tail = form[3] or ""
    match = {"repository_id": Value(form[2], is_pattern=False), **_of_github_tail(value, tail)}
    everything = () if says_something(tail) else ("takes every branch, tag and pull request",)
    return Subject(organization_id=form[1], match=match, dangers=(*everything, *_outsiders(match)))


def _name_and_id(text: str) -> tuple[str, str | None]:
    name, at, number = text.partition("@")
    return name, number if at else None


def _of_github_tail(value: Value, tail: str) -> dict[str, Value]:
    if tail == "pull_request":
        return {"event": Value("pull_request", is_pattern=False)}
    for prefix, name in (("ref:refs/heads/", "branch"), ("ref:refs/tags/", "tag"), ("environment:", "environment")):
        rest = tail.removeprefix(prefix)
        # GitHub escapes the colons of a value, so one that stands here begins another, customised part.
        if rest != tail and ":" not in rest:
            return {name: part(value, rest.replace("%3A", ":"))}
    return {}


def _outsiders(match: Match) -> tuple[str, ...]:
    return (OF_OUTSIDERS,) if "event" in match else ()


def _of_gitlab(value: Value) -> Subject | None:
    number = re.fullmatch(r"project_id:([^:*?]+):(.*)", value.text, re.DOTALL)
    if number is not None:
        tail = _of_gitlab_tail(value, number[2])
        return Subject(match={"repository_id": Value(number[1], is_pattern=False), **tail})
    form = re.fullmatch(r"project_path:([^:]+)(?::(.*))?", value.text, re.DOTALL)
    if form is None:
        return None
    group, _, project = form[1].rpartition("/")
    above = re.split(r"[*?]", form[1], maxsplit=1)[0].rpartition("/")[0]
    if not above:
        return Subject(dangers=(WIDE_ORGANIZATION,))
    dangers: list[str] = []
    match: dict[str, Value] = {"repository": part(value, form[1])}
    if wild(group) or not says_something(project):
        dangers.append(f"takes every project below {above}")
    elif wild(project):
        dangers.append(f"takes each project whose path fits, such as {form[1].replace('*', '-other')}")
    match.update(_of_gitlab_tail(value, form[2] or ""))
    if form[2] is None and "*" not in form[1]:
        dangers = [ONLY_CUSTOMISED.format("GitLab")]
    elif form[2] is None or not says_something(form[2]):
        dangers.append("takes every branch, tag and merge request")
    return Subject(organization=above, match=match, dangers=tuple(dangers))


def _of_gitlab_tail(value: Value, tail: str) -> dict[str, Value]:
    form = re.fullmatch(r"ref_type:(branch|tag):ref:([^:]*)", tail, re.DOTALL)
    return {form[1]: part(value, form[2])} if form is not None else {}


def _of_vela(value: Value) -> Subject | None:
    form = re.fullmatch(r"repo:([^/:*?]+)/([^/:*?]+):(?:\*|ref:([^:]*):event:([^:]*)(?::.*)?)", value.text, re.DOTALL)
    if form is None:
        return None
    match = {"repository": Value(f"{form[1]}/{form[2]}", is_pattern=False)}
    if form[3] is None:
        return Subject(
            organization=form[1], match=match, dangers=("takes every branch, tag and event; pull requests, too",)
        )
    for name, text in (("ref", form[3]), ("event", form[4])):
        if says_something(text):
            match[name] = part(value, text)
    return Subject(organization=form[1], match=match)


READERS: Final[Mapping[str, Reader]] = {
    "forgejo": _of_forgejo,
    "gitea": _of_gitea,
    "github-actions": _of_github,
    "gitlab": _of_gitlab,
    "vela": _of_vela,
}

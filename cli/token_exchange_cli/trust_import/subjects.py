"""What a `sub` says in the vocabulary: whose run it is, and of which branch, tag or environment.

Source: each provider's page on OIDC, of the subject. A condition on `sub` itself stays beside this, so a form that is
read wrongly here lets nobody in; it says to people, and to the linter, what the grant is for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange_cli.trust_import.values import Value

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

type Match = Mapping[str, Value]
"""Values by the names of the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one `sub` says; `organization` and its id only where no wildcard is in them. `dangers` are for people."""

    organization: str | None = None
    organization_id: str | None = None
    match: Match = field(default_factory=dict[str, Value])
    dangers: tuple[str, ...] = ()


def subject_of(provider: str, value: Value) -> Subject:
    """Return what `value`, a whole `sub` or a pattern of some, says of runs of `provider`."""
    reader = _READERS.get(provider)
    found = None if reader is None else reader(value)
    if found is not None:
        return found
    if re.fullmatch(r"[*?]*", value.text):
        return Subject(dangers=("every run of everybody",))
    return Subject()


def _wild(text: str) -> bool:
    return "*" in text or "?" in text


def _part(value: Value, text: str) -> Value:
    return Value(text, value.is_pattern and _wild(text))


def _says_something(text: str) -> bool:
    return re.fullmatch(r"[*?]*", text) is None


_WIDE_ORGANIZATION: Final = "organizations of strangers, who choose their names"


def _of_github(value: Value) -> Subject | None:
    form = re.fullmatch(r"repo:([^/:@]+(?:@[^/:]+)?)(?:/([^:@]+(?:@[^:]+)?)(?::(.*))?)?", value.text, re.DOTALL)
    if form is None:
        return _of_customised_github(value)
    owner, owner_id = _name_and_id(form[1])
    if _wild(owner):
        return Subject(dangers=(_WIDE_ORGANIZATION,))
    if form[2] is None:
        return None
    name, repository_id = _name_and_id(form[2])
    match: dict[str, Value] = {}
    dangers: list[str] = []
    if not _says_something(name):
        match["organization"] = Value(owner, is_pattern=False)
        dangers.append(f"every repository of {owner}")
    else:
        match["repository"] = _part(value, f"{owner}/{name}")
    if repository_id is not None and not _wild(repository_id):
        match["repository_id"] = Value(repository_id, is_pattern=False)
    tail = form[3]
    if tail is None or not _says_something(tail):
        dangers.append("every branch, tag, environment and pull request")
    else:
        match.update(_of_github_tail(value, tail))
    return Subject(
        organization=owner,
        organization_id=None if owner_id is None or _wild(owner_id) else owner_id,
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
        return Subject(dangers=("an owner whose name may end in a number, or one with that id: write which is meant",))
    return _of_github(value)


def _of_gitea(value: Value) -> Subject | None:
    # The ids of owner and repository, and never their names.
    form = re.fullmatch(r"repo:([0-9]+)/([0-9]+)(?::(.*))?", value.text, re.DOTALL)
    if form is None:
        return _of_github(value)
    tail = form[3] or ""
    match = {"repository_id": Value(form[2], is_pattern=False), **_of_github_tail(value, tail)}
    everything = () if _says_something(tail) else ("every branch, tag and pull request",)
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
        if rest != tail and ":" not in rest and _says_something(rest):
            return {name: _part(value, rest.replace("%3A", ":"))}
    return {}


def _outsiders(match: Match) -> tuple[str, ...]:
    return ("runs of outsiders, which the policy refuses unless the grant allows them",) if "event" in match else ()


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
        return Subject(dangers=(_WIDE_ORGANIZATION,))
    dangers: list[str] = []
    match: dict[str, Value] = {"repository": _part(value, form[1])}
    if _wild(group) or not _says_something(project):
        dangers.append(f"every project below {above}")
    match.update(_of_gitlab_tail(value, form[2] or ""))
    if form[2] is None or not _says_something(form[2]):
        dangers.append("every branch, tag and merge request")
    return Subject(organization=above, match=match, dangers=tuple(dangers))


def _of_gitlab_tail(value: Value, tail: str) -> dict[str, Value]:
    form = re.fullmatch(r"ref_type:(branch|tag):ref:([^:]*)", tail, re.DOTALL)
    return {form[1]: _part(value, form[2])} if form is not None and _says_something(form[2]) else {}


def _of_bitbucket(value: Value) -> Subject | None:
    form = re.match(rf"\{{({_UUID})\}}(?:\*?:\{{({_UUID})\}}[*:])?", value.text)
    if form is None:
        return None
    match = {"repository_id": Value(form[1], is_pattern=False)}
    if form[2] is None:
        return Subject(match=match, dangers=("every branch, tag and pull request",))
    return Subject(match={**match, "environment": Value(form[2], is_pattern=False)})


def _of_bitrise(value: Value) -> Subject | None:
    form = re.fullmatch(r"app:([^:*?]+):workflow:(.*)", value.text, re.DOTALL)
    if form is None:
        return None
    match = {"pipeline_id": Value(form[1], is_pattern=False)}
    if _says_something(form[2]):
        match["workflow"] = _part(value, form[2])
    return Subject(match=match, dangers=("every branch, tag and pull request: sub has none of them",))


def _of_circleci(value: Value) -> Subject | None:
    form = re.match(rf"org/({_UUID})/project/({_UUID})/", value.text)
    if form is None:
        return None
    match = {"pipeline_id": Value(form[2], is_pattern=False)}
    source = re.fullmatch(r".*/vcs-origin/[^/]+/([^/*?]+/[^/*?]+)/vcs-ref/(.*)", value.text, re.DOTALL)
    if source is None:
        return Subject(organization_id=form[1], match=match, dangers=(_NO_ORIGIN,))
    match["repository"] = Value(source[1], is_pattern=False)
    for prefix, name in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if source[2].startswith(prefix) and _says_something(source[2].removeprefix(prefix)):
            match[name] = _part(value, source[2].removeprefix(prefix))
    return Subject(organization_id=form[1], match=match)


_NO_ORIGIN: Final = (
    "forks, too, where these are handed secrets; the service lets nobody in before the grant matches repository"
)


def _of_buildkite(value: Value) -> Subject | None:
    form = re.fullmatch(r"organization:([^:*?]+):pipeline:([^:]+):(.*)", value.text, re.DOTALL)
    if form is None:
        return None
    match: dict[str, Value] = {}
    if _says_something(form[2]):
        match["pipeline"] = _part(value, form[2])
    ref = re.match(r"ref:refs/(heads|tags)/([^:]+):", form[3])
    if ref is not None and _says_something(ref[2]):
        match["branch" if ref[1] == "heads" else "tag"] = _part(value, ref[2])
        return Subject(organization=form[1], match=match)
    return Subject(organization=form[1], match=match, dangers=("every branch and tag",))


def _of_terraform(value: Value) -> Subject | None:
    form = re.fullmatch(r"organization:([^:*?]+):project:([^:]+):workspace:([^:]+):.*", value.text, re.DOTALL)
    if form is None:
        return None
    match = {"pipeline": _part(value, form[3])} if _says_something(form[3]) else {}
    return Subject(organization=form[1], match=match, dangers=() if match else ("every workspace",))


def _of_vela(value: Value) -> Subject | None:
    form = re.fullmatch(r"repo:([^/:*?]+)/([^/:*?]+):ref:([^:]*):event:([^:]*)(?::.*)?", value.text, re.DOTALL)
    if form is None:
        return None
    match = {"repository": Value(f"{form[1]}/{form[2]}", is_pattern=False)}
    for name, text in (("ref", form[3]), ("event", form[4])):
        if _says_something(text):
            match[name] = _part(value, text)
    return Subject(organization=form[1], match=match)


def _of_kubernetes(value: Value) -> Subject | None:
    form = re.fullmatch(r"system:serviceaccount:([^:*?]+):([^:]+)", value.text)
    if form is None:
        return None
    dangers = () if _says_something(form[2]) else (f"every service account of the namespace {form[1]}",)
    return Subject(organization=form[1], dangers=dangers)


def _of_codefresh(value: Value) -> Subject | None:
    form = re.match(r"account:([^:*?]+):pipeline:([^:*?]+)(?::|\Z)", value.text)
    if form is None:
        return None
    return Subject(organization_id=form[1], match={"pipeline_id": Value(form[2], is_pattern=False)})


_READERS: Final[Mapping[str, Callable[[Value], Subject | None]]] = {
    "bitbucket-pipelines": _of_bitbucket,
    "bitrise": _of_bitrise,
    "buildkite": _of_buildkite,
    "circleci": _of_circleci,
    "codefresh": _of_codefresh,
    "forgejo": _of_forgejo,
    "gitea": _of_gitea,
    "github-actions": _of_github,
    "gitlab": _of_gitlab,
    "hcp-terraform": _of_terraform,
    "kubernetes": _of_kubernetes,
    "vela": _of_vela,
}

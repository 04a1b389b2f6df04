"""Subjects of CI systems that name a project, a pipeline or an id.

Source: each provider's page on OIDC, of the subject.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange_cli.trust_import.subject import OF_OUTSIDERS, Reader, Subject, part, says_something
from token_exchange_cli.trust_import.values import Value

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _of_azure(value: Value) -> Subject | None:
    if not value.text.startswith("sc://"):
        return None
    return Subject(
        dangers=(
            (
                "is the sub of a service connection, whose token says nothing of its pipeline and is refused: have the "
                "pipeline ask for its token without one, and write the sub that it has then, "
                "p://ORGANIZATION/PROJECT/PIPELINE"
            ),
        )
    )


def _of_bitbucket(value: Value) -> Subject | None:
    form = re.match(rf"\{{({_UUID})\}}(?:\*?:\{{({_UUID})\}}[*:])?", value.text)
    if form is None:
        if re.match(_UUID, value.text):
            return Subject(dangers=("takes no run: the UUIDs in Bitbucket's sub are in braces",))
        return None
    match = {"repository_id": Value(form[1], is_pattern=False)}
    if form[2] is None:
        return Subject(match=match, dangers=("takes every branch, tag and pull request",))
    return Subject(match={**match, "environment": Value(form[2], is_pattern=False)})


def _of_bitrise(value: Value) -> Subject | None:
    form = re.fullmatch(r"app:([^:*?]+):workflow:(.*)", value.text, re.DOTALL)
    if form is None:
        return None
    match = {"pipeline_id": Value(form[1], is_pattern=False)}
    if says_something(form[2]):
        match["workflow"] = part(value, form[2])
    return Subject(match=match, dangers=("takes every branch, tag and pull request: sub has none of them",))


def _of_circleci(value: Value) -> Subject | None:
    form = re.match(rf"org/({_UUID})/project/({_UUID}|\*)/", value.text)
    if form is None:
        return None
    match: dict[str, Value] = {}
    dangers: list[str] = []
    if form[2] != "*":
        match["pipeline_id"] = Value(form[2], is_pattern=False)
    source = re.fullmatch(r".*/vcs-origin/[^/*?]+/([^/*?]+/[^/?]*?[^/?])/vcs-ref/(.*)", value.text, re.DOTALL)
    if source is not None:
        match["repository"] = part(value, source[1])
        for prefix, name in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
            if source[2].startswith(prefix):
                match[name] = part(value, source[2].removeprefix(prefix))
        if source[2].startswith("refs/pull/"):
            dangers.append(OF_OUTSIDERS)
    elif form[2] == "*":
        dangers.append("takes every project of the organization")
    return Subject(organization_id=form[1], match=match, dangers=tuple(dangers))


def _of_buildkite(value: Value) -> Subject | None:
    form = re.fullmatch(r"organization:([^:*?]+):pipeline:([^:]+):(.*)", value.text, re.DOTALL)
    if form is None:
        return None
    match: dict[str, Value] = {}
    if says_something(form[2]):
        match["pipeline"] = part(value, form[2])
    ref = re.match(r"ref:refs/(heads|tags)/([^:]+):", form[3])
    if ref is not None and says_something(ref[2]):
        match["branch" if ref[1] == "heads" else "tag"] = part(value, ref[2])
        return Subject(organization=form[1], match=match)
    return Subject(organization=form[1], match=match, dangers=("takes every branch and tag",))


def _of_terraform(value: Value) -> Subject | None:
    form = re.fullmatch(r"organization:([^:*?]+):project:([^:]+):workspace:([^:]+):(.*)", value.text, re.DOTALL)
    if form is None:
        return None
    match = {"pipeline": part(value, form[3])} if says_something(form[3]) else {}
    dangers = () if match else ("takes every workspace",)
    if form[4] == "run_phase:plan":
        return Subject(
            organization=form[1],
            match=match,
            claims={"terraform_run_phase": Value("plan", is_pattern=False)},
            dangers=(
                *dangers,
                (
                    "takes plans, which run the code of pull requests: the policy refuses them unless the grant allows "
                    "outsiders' runs"
                ),
            ),
        )
    if form[4] != "run_phase:apply":
        dangers = (*dangers, "takes plans, too, which the policy refuses unless the grant allows outsiders' runs")
    return Subject(organization=form[1], match=match, dangers=dangers)


def _of_spacelift(value: Value) -> Subject | None:
    form = re.fullmatch(r"space:([^:]+):(?:(?:stack|module):([^:]+):run_type:([^:]+):scope:([^:]+)|\*)", value.text)
    if form is None:
        return None
    dangers: list[str] = []
    if not says_something(form[1]) and not says_something(form[2] or "*"):
        dangers.append("takes every stack of the account")
    if form[3] is None or not says_something(form[3]):
        dangers.append("takes proposed runs, too, those of pull requests, which the policy refuses")
        return Subject(dangers=tuple(dangers))
    if form[3] not in _SPACELIFT_MEMBERS_ONLY:
        dangers.append(OF_OUTSIDERS)
    return Subject(match={"event": part(value, form[3])}, dangers=tuple(dangers))


_SPACELIFT_MEMBERS_ONLY: Final = frozenset({"TRACKED", "TASK", "DESTROY"})


def _of_kubernetes(value: Value) -> Subject | None:
    form = re.fullmatch(r"system:serviceaccount:([^:*?]+):([^:]+)", value.text)
    if form is None:
        return None
    dangers = () if says_something(form[2]) else (f"takes every service account of the namespace {form[1]}",)
    return Subject(organization=form[1], dangers=dangers)


def _of_codefresh(value: Value) -> Subject | None:
    form = re.match(r"account:([^:*?]+):pipeline:([^:*?]+)(?::|\Z)", value.text)
    if form is None:
        return None
    return Subject(organization_id=form[1], match={"pipeline_id": Value(form[2], is_pattern=False)})


READERS: Final[Mapping[str, Reader]] = {
    "azure-devops": _of_azure,
    "bitbucket-pipelines": _of_bitbucket,
    "bitrise": _of_bitrise,
    "buildkite": _of_buildkite,
    "circleci": _of_circleci,
    "codefresh": _of_codefresh,
    "hcp-terraform": _of_terraform,
    "kubernetes": _of_kubernetes,
    "spacelift": _of_spacelift,
}

"""`policy import` reads the `sub` that `roles` writes for a grant back to the conditions of that grant."""

import re
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from tests.loading.documents import AUDIENCE, document, grant, load
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange_cli.subjects.catalog import SUBJECTS
from token_exchange_cli.subjects.grammar import Subject
from token_exchange_cli.subjects.iam_patterns import value_of
from token_exchange_cli.subjects.reading import subject_of
from token_exchange_cli.subjects.writing import subject_patterns

type Conditions = Mapping[str, list[str]]
"""Exact values by name, or one glob, which has a wildcard."""

UUIDS = st.uuids().map(str)
WORDS = st.text("abz019-._$", min_size=1, max_size=6).map(lambda text: f"a{text}z")
REFS = st.lists(WORDS, min_size=1, max_size=2).map("/".join)
GLOBS = WORDS.map(lambda text: [f"{text}/*"]) | WORDS.map(lambda text: [f"{text}?"])


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(values, min_size=1, max_size=2, unique=True)


def refs() -> st.SearchStrategy[dict[str, list[str]]]:
    branch_or_tag = st.sampled_from(["branch", "tag"])
    return st.dictionaries(branch_or_tag, some(REFS) | GLOBS, max_size=1)


@st.composite
def github_grants(draw: st.DrawFn) -> tuple[dict[str, Json], dict[str, list[str]]]:
    entry: dict[str, Json] = {"provider": "github-actions", "organizations": [{"name": "acme", "id": "7"}]}
    match = draw(refs())
    if not match and draw(st.booleans()):
        match["environment"] = draw(some(WORDS | WORDS.map(lambda text: f"{text}:eu")))
    elif not match and draw(st.booleans()):
        match["ref"] = draw(some(WORDS.map(lambda text: f"refs/changes/{text}")))
    if draw(st.booleans()):
        match["repository"] = draw(some(WORDS.map(lambda name: f"acme/{name}")))
    if draw(st.booleans()):
        match["repository_id"] = draw(some(st.integers(1, 10**9).map(str)))
    return entry, match


@st.composite
def gitlab_grants(draw: st.DrawFn) -> tuple[dict[str, Json], dict[str, list[str]]]:
    match = draw(refs())
    if draw(st.booleans()):
        match["repository"] = draw(some(REFS.map(lambda path: f"acme/{path}")))
    return {"provider": "gitlab", "organizations": [{"name": "acme"}]}, match


@st.composite
def bitbucket_grants(draw: st.DrawFn) -> tuple[dict[str, Json], dict[str, list[str]]]:
    match = {"repository_id": draw(some(UUIDS))}
    if draw(st.booleans()):
        match["environment"] = draw(some(UUIDS))
    entry: dict[str, Json] = {"provider": "bitbucket-pipelines", "workspace": "acme"}
    return {**entry, "organizations": [{"name": "acme"}]}, match


@st.composite
def bitrise_grants(draw: st.DrawFn) -> tuple[dict[str, Json], dict[str, list[str]]]:
    match = {"pipeline_id": draw(some(WORDS))}
    if draw(st.booleans()):
        match["workflow"] = draw(some(WORDS) | GLOBS)
    return {"provider": "bitrise", "organizations": [{"id": "w1"}]}, match


@st.composite
def circleci_grants(draw: st.DrawFn) -> tuple[dict[str, Json], dict[str, list[str]]]:
    organization = draw(UUIDS)
    match: dict[str, list[str]] = {"repository": ["acme/shop"]}
    if draw(st.booleans()):
        match["pipeline_id"] = draw(some(UUIDS))
    entry: dict[str, Json] = {"provider": "circleci", "organization": organization}
    return {**entry, "organizations": [{"id": organization}]}, match


GRANTS = {
    "bitbucket-pipelines": bitbucket_grants(),
    "bitrise": bitrise_grants(),
    "circleci": circleci_grants(),
    "github-actions": github_grants(),
    "gitlab": gitlab_grants(),
}

NOT_IN_SUB = {"circleci": {"repository"}}
"""Conditions that the written subject does not carry: IAM cannot check them."""

IMPLIED = {"organization": "acme", "repository": "acme/**"}
"""What is read besides the grant's conditions follows from its organization."""


def test_every_system_that_is_written_has_a_round_trip() -> None:
    assert GRANTS.keys() == {name for name, grammar in SUBJECTS.items() if grammar.write is not None}


@given(case=st.one_of(*GRANTS.values()))
def test_written_subjects_read_back_as_the_conditions(case: tuple[dict[str, Json], dict[str, list[str]]]) -> None:
    entry, match = case
    provider = str(entry["provider"])
    loaded = policy_with(entry, match)
    issuer = loaded.issuers["ci"]
    patterns = subject_patterns(loaded.grants[0], issuer)
    subjects = [subject_of(provider, value_of(pattern, takes_wildcards=True)) for pattern in patterns]
    # The older form of GitHub's subject has no ids.
    with_ids = [one for one in subjects if "repository_id" in one.match] or subjects
    for name, values in match.items():
        if name not in NOT_IN_SUB.get(provider, ()):
            assert read_back(with_ids, name) == {crossing_slashes(value) for value in values}
    for subject in subjects:
        assert subject.organization in {None, "acme"} or str(subject.organization).startswith("acme/")
        assert subject.organization_id in {None, *(one.id for one in issuer.organizations)}
        for name in subject.match.keys() - match.keys():
            assert subject.match[name].glob == IMPLIED[name]


def read_back(subjects: list[Subject], name: str) -> set[str]:
    """Return the values or globs of `name` that `subjects` say, each of which says one."""
    return {value.glob if (value := subject.match[name]).is_pattern else value.text for subject in subjects}


def crossing_slashes(value: str) -> str:
    """Return a glob as it is after a round trip: IAM's `*` is the policy's `**`."""
    return re.sub(r"\*+", "**", value)


def policy_with(entry: Mapping[str, Json], match: Conditions) -> Policy:
    conditions: dict[str, Json] = {
        name: {"like": values[0]} if re.search(r"[*?]", values[0]) else [*values] for name, values in match.items()
    }
    the_grant = grant(issuers=["ci"], assume="web-identity", match=conditions or None)
    return load(document(the_grant, issuers={"ci": {"audience": AUDIENCE, **entry}}))

"""Templates of repositories, tags and the source identity, as a grant may have them."""

import pytest

from tests.core.decisions import terms
from tests.loading.documents import document, faults, grant, load, problems_of
from token_exchange.core.policy import Grant, Template
from token_exchange.core.ports import Json
from token_exchange.loading.problems import Code


def read(**changes: Json) -> Grant:
    return load(document(grant(**changes))).grants[0]


@pytest.mark.parametrize(
    ("template", "issuers", "code"),
    [
        # for push a value has to be one that no user of the CI system chooses
        ("ci/{workflow}", ["github"], "bad-value"),
        ("ci/{organization}", ["own"], None),
        ("ci/{repository}", ["own"], None),
        ("ci/{repository_id}", ["own"], None),
        ("ci/{branch}", ["own"], "bad-value"),
        ("ci/{branch}", ["github"], None),
        ("ci/{environment}", ["gitlab"], None),
        # ids of two issuers may be equal and mean two repositories
        ("ci/{repository_id}", ["github", "gitlab"], "conflict"),
        ("ci/{run_id}", ["github", "gitlab"], "conflict"),
        ("ci/{repository}", ["github", "gitlab"], None),
        # every issuer must have it
        ("ci/{actor}", ["github", "own"], "unknown-name"),
    ],
)
def test_push_templates(template: str, issuers: list[Json], code: Code | None) -> None:
    found = document(grant(access="push", issuers=issuers, repositories=[template]))
    if code is None:
        load(found)
    else:
        assert ("grants[0].repositories", code) in faults(found)


def test_a_declared_name_may_fill_a_pull_template() -> None:
    read(access="pull", repositories=["ci/{workflow}"])
    read(access="push", repositories=["ci/{repository}"], also_pull=["ci/{workflow}"])


@pytest.mark.parametrize("key", ["also_pull", "source_identity"])
def test_ids_in_any_template_are_of_one_issuer(key: str) -> None:
    value: Json = ["ci/{repository_id}"] if key == "also_pull" else "{repository_id}"
    assert faults(document(grant(issuers=["github", "gitlab"], **{key: value}))) == [(f"grants[0].{key}", "conflict")]


def test_a_session_tag_may_not_hold_an_id_of_several_issuers() -> None:
    found = document(grant(issuers=["github", "gitlab"], session_tags={"r": "{repository_id}"}))
    assert faults(found) == [("grants[0].session_tags", "conflict")]


@pytest.mark.parametrize("key", ["aws:x", "AWS:x", "a*b", "x" * 129, "", "é", "a\nb"])
def test_keys_that_no_tag_has(key: str) -> None:
    found = document(grant(session_tags={key: "x"}))
    (problem,) = problems_of(found)
    assert (problem.path, problem.code) == (("grants", 0, "session_tags", key), "bad-value")


def test_tags_that_differ_only_in_case_are_duplicates() -> None:
    found = document(grant(session_tags={"Team": "a", "team": "b"}))
    assert faults(found) == [("grants[0].session_tags", "duplicate-name")]


def test_sts_takes_fifty_tags() -> None:
    read(session_tags={f"t{n}": "x" for n in range(50)})
    found = document(grant(session_tags={f"t{n}": "x" for n in range(51)}))
    assert faults(found) == [("grants[0].session_tags", "too-long")]


@pytest.mark.parametrize("value", [True, 7, None, [], "{nobody}"])
def test_invalid_tag_values_are_errors(value: Json) -> None:
    assert len(problems_of(document(grant(session_tags={"t": value})))) == 1


def test_templates_are_parsed_while_loading() -> None:
    found = read(session_tags={"t": "{actor}!"}, source_identity="{actor}")
    tags = terms(found).session_tags
    assert isinstance(tags, dict)
    assert tags["t"].names == ("actor",)
    assert isinstance(terms(found).source_identity, Template)

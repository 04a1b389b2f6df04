"""The reference on stories that anyone can check by hand: what it says of these, the documents say."""

import json

import pytest

from fuzz.reference.decision import Login, Wanted, decide, iam_matches
from fuzz.reference.session import rights_in, rights_of
from fuzz.reference.values import Abstains, Json, NotAJob, glob_matches, holds
from tests.ci_claims import NOON, github_claims, gitlab_claims
from tests.loading.documents import document, grant


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("*", "main", True),
        ("*", "a/b", False),
        ("**", "a/b:c", True),
        ("release/*", "release/1", True),
        ("release/*", "release/1/2", False),
        ("v?", "v1", True),
        ("v?", "v/", False),
        ("", "", True),
        ("a*", "a", True),
        ("[a]", "a", False),
    ],
)
def test_globs(pattern: str, value: str, *, matches: bool) -> None:
    assert glob_matches(pattern, value) is matches


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("main", "main", True),
        (["x", "main"], "main", True),
        ("main", None, False),
        (1, True, False),
        (1, 1.0, True),
        ("a", ["a", "b"], True),
        ({"not": "a"}, ["a", "b"], False),
        ({"not": "a"}, [], False),
        ({"not": "a"}, "b\n", False),
        ({"not": "a"}, 1, False),
        ({"like": "*"}, "b\x85", False),
        ({"exists": False}, None, True),
        ({"exists": True, "not": "x"}, "y", True),
    ],
)
def test_conditions(wanted: Json, value: Json, *, expected: bool) -> None:
    assert holds(wanted, value) is expected


def test_a_negation_on_a_list_of_mixed_types_is_left_open() -> None:
    with pytest.raises(Abstains):
        holds({"not": "a"}, ["b", 1])


def test_a_pattern_of_iam_crosses_slashes() -> None:
    assert iam_matches("ci/*", "ci/a/b")
    assert not iam_matches("ci/*", "cd/a")


PUSH = grant(
    name="own", access="push", match={"branch": "main"}, repositories=["ci/{repository}"], also_pull=["base/*"]
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (Login(registry="apps", grant="own", push=("ci/nordlicht/kompass",), pull=("base/*",)),)),
        (
            {"repository": "Nordlicht/Kompass"},
            (Login(registry="apps", grant="own", push=("ci/nordlicht/kompass",), pull=("base/*",)),),
        ),
        ({"ref": "refs/heads/x"}, "no-matching-grant"),
        ({"event_name": "pull_request_target"}, "untrusted-trigger"),
        ({"repository_owner": "stranger"}, "organization-not-allowed"),
        ({"repository": "nordlicht/no spaces"}, "no-matching-grant"),
    ],
)
def test_a_push_from_main_and_its_variations(changes: dict[str, Json], expected: object) -> None:
    found = decide(document(PUSH), "github", github_claims(**changes), Wanted(), now=NOON)
    assert found == expected


def test_a_token_without_its_marks_is_refused() -> None:
    claims = gitlab_claims(job_id=None)
    with pytest.raises(NotAJob):
        decide(document(grant(issuers=["gitlab"])), "gitlab", claims, Wanted(), now=NOON)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ((("ci/nordlicht/kompass", True),), (Login(registry="apps", grant="own", push=("ci/nordlicht/kompass",)),)),
        ((("base/python", False),), (Login(registry="apps", grant="own", pull=("base/python",)),)),
        ((("base/python", True),), "scope-exceeds-grant"),
    ],
)
def test_a_scope_narrows_or_is_refused(scope: tuple[tuple[str, bool], ...], expected: object) -> None:
    assert decide(document(PUSH), "github", github_claims(), Wanted(scope=scope), now=NOON) == expected


def test_rights_are_those_of_the_grant() -> None:
    login = Login(registry="apps", grant="own", push=("ci/app",), pull=("base/*",))
    registry: dict[str, Json] = {"type": "ecr", "account": "210987654321", "region": "cn-north-1"}
    rights = rights_of(login, registry, PUSH, until="then")
    assert ("ecr:PutImage", "arn:aws-cn:ecr:cn-north-1:210987654321:repository/ci/app", "then") in rights
    assert ("ecr:PutImage", "arn:aws-cn:ecr:cn-north-1:210987654321:repository/base/*", "then") not in rights


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Action": "ecr:*"},
        {"NotResource": "*"},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_a_session_policy_says_nothing_else(change: dict[str, Json]) -> None:
    statement = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", **change}
    with pytest.raises(ValueError, match=r"statement|condition|wildcard"):
        rights_in(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

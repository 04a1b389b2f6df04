import pytest

from tests.loading.documents import Document, changed, document, faults, load, problems_of
from token_exchange.core.ports import Json
from token_exchange.loading.problems import Code


def rules(*found: Json) -> Document:
    return changed(document(), "deny", list(found))


def test_a_rule_is_for_all_issuers_unless_it_says_so() -> None:
    policy = load(
        rules({"name": "d", "match": {"repository": "x"}}, {"name": "e", "issuers": ["own"], "claims": {"a": 1}})
    )
    assert policy.deny[0].issuers == {"github", "gitlab", "own"}
    assert policy.deny[1].issuers == {"own"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # without a condition it would refuse every caller
        ({"name": "d"}, [(".match", "missing")]),
        ({"name": "d", "match": {}}, [(".match", "empty")]),
        ({"name": "d", "claims": {}}, [(".claims", "empty")]),
        ({"name": "d", "match": None}, [(".match", "empty")]),
        ({"name": "d", "match": {"repository": None}}, [(".match.repository", "empty")]),
        ({"name": "d", "claims": {"a": {"b": None}}, "issuers": ["own"]}, [(".claims.a.b", "empty")]),
        ({"name": "d", "match": []}, [(".match", "wrong-type")]),
        ({"match": {"repository": "x"}}, [(".name", "missing")]),
        ({"name": 7, "match": {"repository": "x"}}, [(".name", "wrong-type")]),
        ({"name": "d", "issuers": [], "match": {"repository": "x"}}, [(".issuers", "empty")]),
        ({"name": "d", "issuers": "github", "match": {"repository": "x"}}, [(".issuers", "wrong-type")]),
        ({"name": "d", "issuers": ["none"], "match": {"repository": "x"}}, [(".issuers", "unknown-name")]),
        ({"name": "d", "match": {"repository": "x"}, "access": "push"}, [(".access", "unknown-key")]),
        ({"name": "d", "match": {"repository": "x"}, "expires": "2027-06-30"}, [(".expires", "unknown-key")]),
        ({"name": "d", "match": {"nobody": "x"}}, [(".match.nobody", "unknown-name")]),
        # a name that none of its issuers has would never fire
        (
            {"name": "d", "issuers": ["gitlab", "own"], "match": {"workflow": "x"}},
            [(".match.workflow", "unknown-name")],
        ),
        ({"name": "d", "match": {"pipeline": "x"}}, [(".match.pipeline", "unknown-name")]),
        # a misspelt operator would never fire either
        (
            {"name": "d", "issuers": ["github"], "claims": {"repository": {"lik": "x"}}},
            [(".claims.repository", "wrong-type")],
        ),
        (
            {"name": "d", "issuers": ["gitlab"], "claims": {"runner_id": {"nto": 7}}},
            [(".claims.runner_id", "wrong-type")],
        ),
        (
            {"name": "d", "issuers": ["gitlab"], "claims": {"groups_direct": {"lik": "x"}}},
            [(".claims.groups_direct", "wrong-type")],
        ),
        (
            {"name": "d", "issuers": ["own"], "claims": {"a": {"like": "x", "lik": "y"}}},
            [(".claims.a.lik", "conflict")],
        ),
        ("d", [("", "wrong-type")]),
    ],
)
def test_a_rule_of_another_form_is_refused(rule: Json, expected: list[tuple[str, Code]]) -> None:
    assert faults(rules(rule)) == [(f"deny[0]{path}", code) for path, code in expected]


def test_a_name_that_some_issuer_has_is_enough() -> None:
    load(rules({"name": "d", "match": {"workflow": "ship"}}))


def test_a_claim_that_some_issuer_sends_so_is_enough() -> None:
    """In an emergency there is no time to sort issuers."""
    load(rules({"name": "d", "claims": {"runner_id": 42}}))
    load(rules({"name": "e", "claims": {"job_config": {"url": "x"}}}))
    problem = faults(rules({"name": "d", "issuers": ["github", "gitlab"], "claims": {"project_id": 42}}))
    assert problem == [("deny[0].claims.project_id", "wrong-type")]


def test_ids_are_fine_with_several_issuers() -> None:
    """A rule that refuses too many is an inconvenience, one that cannot be written an open door."""
    load(rules({"name": "d", "match": {"repository_id": ["1", "2"]}, "issuers": ["github", "gitlab"]}))


def test_two_rules_of_one_name() -> None:
    rule: Json = {"name": "d", "match": {"repository": "x"}}
    assert faults(rules(rule, rule)) == [("deny[1].name", "duplicate-name")]


def test_messages_name_the_issuer_and_what_it_lacks() -> None:
    (problem,) = problems_of(rules({"name": "d", "issuers": ["gitlab"], "match": {"workflow": "x"}}))
    assert str(problem) == "deny[0].match.workflow: tokens of gitlab do not have it; put raw claims under claims"


@pytest.mark.parametrize(
    ("conditions", "folded"),
    [
        ({"match": {"organization": "Acme"}}, True),
        ({"match": {"repository": "Acme/App"}}, True),
        ({"match": {"environment": "Prod"}}, True),
        ({"match": {"actor": "Mallory"}}, True),
        ({"match": {"workflow": "Ship"}}, True),
        ({"claims": {"repository": "Acme/App"}}, True),
        ({"claims": {"repository_owner": {"like": "Ac*"}}}, True),
        ({"match": {"repository_id": "A1"}}, False),
        ({"match": {"branch": "Main"}}, False),
        ({"match": {"ref": "refs/heads/Main"}}, False),
        ({"match": {"event": "Push"}}, False),
        ({"claims": {"sub": "Repo:x"}}, False),
        ({"claims": {"job_workflow_ref": "Acme/x"}}, False),
    ],
)
def test_names_fold_ids_and_all_else_do_not(conditions: Document, folded: bool) -> None:  # noqa: FBT001 - a table's column
    (condition,) = load(rules({"name": "d", "issuers": ["github"], **conditions})).deny[0].conditions
    assert condition.ignore_case is folded

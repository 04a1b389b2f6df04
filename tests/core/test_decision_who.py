"""Who may come at all: the organization allowlist, then the deny rules."""

from dataclasses import replace

import pytest

from tests.ci_claims import github_claims, gitlab_claims
from tests.core.decisions import decided, denied, winners
from tests.loading.documents import Document, changed, document, grant, load
from token_exchange.core.decision import Denied
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason


@pytest.mark.parametrize(
    ("organizations", "changes", "allowed"),
    [
        ([{"name": "nordlicht"}], {}, True),
        ([{"id": "4400117"}], {}, True),
        ([{"name": "nordlicht", "id": "4400117"}], {}, True),
        ([{"name": "other"}, {"name": "nordlicht"}], {}, True),
        # a renamed organization's name, taken by an outsider
        ([{"name": "nordlicht", "id": "4400117"}], {"repository_owner_id": "666"}, False),
        ([{"name": "nordlicht", "id": "4400117"}], {"repository_owner": "renamed"}, False),
        # of two lines neither half counts for the other
        ([{"name": "nordlicht", "id": "1"}, {"name": "other", "id": "4400117"}], {}, False),
        # close, but another
        ([{"name": "nordlicht"}], {"repository_owner": "nordlicht2"}, False),
        ([{"name": "nordlicht"}], {"repository_owner": "Nordlicht"}, False),
        ([{"name": "nordlicht"}], {"repository_owner": "nordlicht/"}, False),
        ([{"name": "nordlicht"}], {"repository_owner": "nordlicht\n"}, False),
        ([{"name": "nordlicht"}], {"repository_owner": " nordlicht"}, False),
        # GitHub's organizations have nothing below them
        ([{"name": "nordlicht"}], {"repository_owner": "nordlicht/sub"}, False),
        # a token that does not say
        ([{"name": "nordlicht"}], {"repository_owner": None}, False),
        ([{"name": "nordlicht"}], {"repository_owner": ""}, False),
        ([{"id": "4400117"}], {"repository_owner_id": None}, False),
        ([{"id": "4400117"}], {"repository_owner_id": ""}, False),
        ([{"name": "nordlicht", "id": "4400117"}], {"repository_owner_id": None}, False),
    ],
)
def test_the_organization_has_to_be_listed(organizations: Json, changes: Document, allowed: bool) -> None:  # noqa: FBT001 - a table's column
    decision = decided(changed(document(), "issuers.github.organizations", organizations), github_claims(**changes))
    if allowed:
        assert winners(decision) == ["reader"]
    else:
        refusal = denied(decision, Reason.ORGANIZATION_NOT_ALLOWED)
        assert refusal == Denied(reason=Reason.ORGANIZATION_NOT_ALLOWED, description=refusal.description)


@pytest.mark.parametrize(
    ("organization", "path", "allowed"),
    [
        ({"name": "werft"}, "werft", True),
        ({"name": "werft"}, "werft/boote", True),
        ({"name": "werft"}, "werft/boote/klein", True),
        ({"name": "werft/boote"}, "werft/boote", True),
        ({"name": "werft/boote"}, "werft/boote/klein", True),
        ({"name": "werft"}, "werftx", False),
        ({"name": "werft"}, "werft-boote", False),
        ({"name": "werft"}, "x/werft", False),
        ({"name": "werft"}, "Werft", False),
        ({"name": "werft/boote"}, "werft", False),
        ({"name": "werft/boote"}, "werft/bootex", False),
        ({"name": "werft", "id": "31"}, "werft/boote", True),
        ({"name": "werft", "id": "32"}, "werft/boote", False),
        ({"id": "31"}, "anything", True),
        ({"id": "32"}, "werft", False),
    ],
)
def test_gitlabs_groups_include_their_subgroups(organization: Json, path: str, allowed: bool) -> None:  # noqa: FBT001 - a table's column
    found = document(grant(issuers=["gitlab"]))
    found = changed(found, "issuers.gitlab.organizations", [organization])
    decision = decided(found, gitlab_claims(namespace_path=path), issuer="gitlab")
    if allowed:
        assert winners(decision) == ["reader"]
    else:
        denied(decision, Reason.ORGANIZATION_NOT_ALLOWED)


def test_a_token_without_a_group_is_of_no_group() -> None:
    assert not load(document()).issuers["gitlab"].allows({})


def test_an_empty_allowlist_allows_no_one() -> None:
    issuer = load(document()).issuers["github"]
    named = {"organization": "nordlicht", "organization_id": "4400117"}
    assert issuer.allows(named)
    assert not replace(issuer, organizations=()).allows(named)


def test_a_deny_rule_precedes_all_but_the_organization() -> None:
    found = changed(document(), "deny", [{"name": "lost", "match": {"repository_id": "900100200"}}])
    refusal = denied(decided(found, registries=("nowhere",), grant_name="nobody"), Reason.DENIED)
    assert refusal.deny_rule == "lost"
    assert "lost" not in refusal.description
    outsider = github_claims(repository_owner="globex")
    denied(decided(found, outsider), Reason.ORGANIZATION_NOT_ALLOWED)


def test_the_first_rule_that_matches_refuses() -> None:
    rules: Json = [
        {"name": "a", "match": {"branch": "other"}},
        {"name": "b", "match": {"branch": "main"}},
        {"name": "c", "match": {"branch": "main"}},
    ]
    assert denied(decided(changed(document(), "deny", rules)), Reason.DENIED).deny_rule == "b"


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        # names compare without regard to case: a rename of letters is no way out
        ({"match": {"repository": "NordLicht/KOMPASS"}}, True),
        ({"match": {"actor": {"like": "ADA-*"}}}, True),
        ({"match": {"actor": {"not": "ADA-MUELLER"}}}, False),
        ({"claims": {"repository_owner": "NORDLICHT"}}, True),
        # all else exactly
        ({"match": {"branch": "Main"}}, False),
        ({"match": {"event": "PUSH"}}, False),
        ({"match": {"repository_id": "9001002"}}, False),
        # every condition of a rule has to hold
        ({"match": {"repository": "nordlicht/kompass", "branch": "dev"}}, False),
        ({"match": {"repository": "nordlicht/kompass"}, "claims": {"run_number": "12"}}, True),
        ({"match": {"environment": {"exists": False}}}, True),
        # a rule for other issuers
        ({"issuers": ["gitlab"], "match": {"branch": "main"}}, False),
        # a name that this token lacks
        ({"match": {"tag": {"not": "v1"}}}, False),
    ],
)
def test_deny_rules_refuse_the_runs_that_match(rule: Document, refused: bool) -> None:  # noqa: FBT001 - a table's column
    decision = decided(changed(document(), "deny", [{"name": "d", **rule}]))
    if refused:
        denied(decision, Reason.DENIED)
    else:
        assert winners(decision) == ["reader"]


def test_case_counts_in_a_grant() -> None:
    denied(decided(document(grant(match={"repository": "Nordlicht/kompass"}))), Reason.NO_MATCHING_GRANT)

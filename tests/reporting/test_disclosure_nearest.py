"""The grants that came nearest, and those of them that are the caller's own."""

from dataclasses import replace
from typing import get_args

import pytest

from tests.ci_claims import caller_of, github_claims, gitlab_claims
from tests.core.decisions import asked, names, nearest
from tests.loading.documents import document, grant, load
from token_exchange.core.decision import AccessRequest, DenialReason, requested_grants
from token_exchange.core.evaluate import MAX_CONSIDERED
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.reporting import disclosure
from token_exchange.reporting.disclosure import is_up_to_grants, nearest_grants

FAR = grant(name="far", match={"branch": "other", "environment": "x"})
NEAR = grant(name="near", match={"branch": "other"})
THEIRS = grant(name="theirs", match={"repository_id": "1"})
OF_BASE = grant(name="of-base", registry="base")
OF_GITLAB = grant(name="of-gitlab", issuers=["gitlab"])


def test_fewest_failed_conditions_first_then_the_files_order() -> None:
    found = nearest_grants(*asked(document(FAR, THEIRS, NEAR, OF_BASE, OF_GITLAB)))
    assert names(found.nearest) == ["of-base", "theirs", "near", "far"]
    # Another repository's grant is counted, and is not the caller's own.
    assert names(found.own) == ["of-base", "near", "far"]
    assert found.others == 1


def test_only_requested_grants_are_considered() -> None:
    whole = document(NEAR, OF_BASE, OF_GITLAB)
    assert names(nearest_grants(*asked(whole, registries=("base",))).nearest) == ["of-base"]
    assert names(nearest(whole, grant_name="near").nearest) == ["near"]
    assert names(nearest_grants(*asked(whole, registries=("base",), grant_name="near")).nearest) == []
    # A name that is no registry's asks for none, and not for all.
    assert names(nearest(whole, registries=("elsewhere",)).nearest) == []


def test_the_number_of_grants_is_limited() -> None:
    many = document(*(grant(name=f"g{number}") for number in range(MAX_CONSIDERED + 5)))
    found = nearest_grants(*asked(many))
    assert len(found.nearest) == len(found.own) == MAX_CONSIDERED
    assert found.others == 5


def test_of_very_many_grants_only_possible_ones_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = document(FAR, THEIRS, grant(name="own", match={"repository_id": "900100200", "branch": "other"}), NEAR)
    policy, caller, request = asked(whole)
    # As in a compiled policy, each would have to be read.
    policy = replace(policy, grants=list(policy.grants))
    monkeypatch.setattr(disclosure, "MAX_SEARCHED", 3)
    of_index = policy.indexes["github"].candidates(caller.identity.vocabulary, caller.claims)
    found = nearest_grants(policy, caller, request)
    assert names(found.nearest) == [policy.grants[place].name for place in of_index]
    # How many others there are is known all the same, but not how many of them are for one registry.
    assert len(found.own) + found.others == 4
    of_registry = nearest_grants(policy, caller, replace(request, registries=("apps",)))
    assert len(of_registry.own) + of_registry.others == len(of_index)
    of_grant = nearest_grants(policy, caller, replace(request, grant="own"))
    assert len(of_grant.own) + of_grant.others == 1
    monkeypatch.setattr(disclosure, "MAX_SEARCHED", 4)
    assert len(nearest_grants(policy, caller, request).nearest) == 4


def test_grants_in_memory_are_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disclosure, "MAX_SEARCHED", 1)
    assert len(nearest_grants(*asked(document(FAR, THEIRS, NEAR))).nearest) == 3


def test_indexes_narrow_the_search_further() -> None:
    policy = load(document(NEAR, FAR, OF_BASE))
    caller = caller_of(policy, "github", github_claims())
    assert [one.name for one in requested_grants(policy, caller, AccessRequest(registries=("apps",)), [1, 2])] == [
        "far"
    ]


def test_grants_for_other_names_are_not_the_callers_own() -> None:
    found = nearest(
        document(
            grant(name="theirs", match={"repository": "nordlicht/secret", "branch": "dev"}),
            grant(name="theirs-by-id", match={"repository_id": "1"}),
            grant(name="theirs-raw", claims={"sub": "repo:nordlicht/secret:x"}),
            grant(name="theirs-by-owner", claims={"repository_owner": "someone"}),
            grant(name="theirs-by-actor", match={"actor": "root"}),
            grant(name="mine", match={"repository": "nordlicht/kompass", "branch": "dev"}),
            grant(name="anybodys", match={"branch": ["dev", "next"], "event": "release", "tag": "v1"}),
        )
    )
    assert names(found.own) == ["mine", "anybodys"]
    assert found.others == 5
    (mine,) = found.own[0].failed
    assert (mine.claim, mine.expected, mine.found, mine.rule) == ("branch", ["dev"], "main", None)
    # the record has the others, too
    assert set(names(found.nearest)) >= {"theirs", "theirs-by-id", "theirs-raw"}
    assert found.nearest[0].grant.name not in names(found.own)


def test_the_ten_nearest_come_first() -> None:
    far = [grant(name=f"far-{n}", match={"branch": "x", "event": "y", "tag": "z"}) for n in range(9)]
    near = [grant(name=f"near-{n}", match={"branch": f"b{n}"}) for n in range(4)]
    found = nearest(document(*far, *near))
    assert names(found.own) == [*(f"near-{n}" for n in range(4)), *(f"far-{n}" for n in range(6))]
    assert names(found.nearest) == names(found.own)
    assert found.others == 3


def test_own_grants_are_found_behind_ten_of_others() -> None:
    theirs = [grant(name=f"theirs-{n}", match={"repository": f"a/{n}"}) for n in range(15)]
    found = nearest(document(*theirs, grant(name="mine", match={"branch": "x", "tag": "y"})))
    assert names(found.own) == ["mine"]
    assert (len(found.nearest), found.others) == (10, 15)


def test_an_absent_claim_is_found_absent() -> None:
    by_name = document(grant(issuers=["gitlab"], match={"environment": "production"}))
    (failed,) = nearest(by_name, gitlab_claims(), issuer="gitlab").own[0].failed
    assert (failed.claim, failed.found) == ("environment", None)
    by_path = document(grant(issuers=["own"], claims={"git": {"branch": "x"}}))
    claims: dict[str, Json] = {"sub": "job", "tenant": "nordlicht"}
    (failed,) = nearest(by_path, claims, issuer="own").own[0].failed
    assert (failed.claim, failed.found) == (["git", "branch"], None)


@pytest.mark.parametrize("reason", get_args(DenialReason.__value__))
def test_each_denial_says_whether_grants_were_evaluated(reason: DenialReason) -> None:
    before = {Reason.ORGANIZATION_NOT_ALLOWED, Reason.DENIED, Reason.UNKNOWN_REGISTRY, Reason.UNKNOWN_GRANT}
    assert is_up_to_grants(reason) is (reason not in before)

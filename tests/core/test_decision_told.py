"""Who is told what of a refusal."""

from tests.ci_claims import gitlab_claims
from tests.core.decisions import decided, denied, names
from tests.loading.documents import document, grant
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason


def test_a_caller_is_shown_only_their_own_grants() -> None:
    found = document(
        grant(name="theirs", match={"repository": "nordlicht/secret", "branch": "dev"}),
        grant(name="theirs-by-id", match={"repository_id": "1"}),
        grant(name="theirs-raw", claims={"sub": "repo:nordlicht/secret:x"}),
        grant(name="theirs-by-owner", claims={"repository_owner": "someone"}),
        grant(name="theirs-by-actor", match={"actor": "root"}),
        grant(name="mine", match={"repository": "nordlicht/kompass", "branch": "dev"}),
        grant(name="anybodys", match={"branch": ["dev", "next"], "event": "release", "tag": "v1"}),
    )
    refusal = denied(decided(found), Reason.NO_MATCHING_GRANT)
    assert names(refusal.shown) == ["mine", "anybodys"]
    assert refusal.not_shown == 5
    (mine,) = refusal.shown[0].failed
    assert (mine.claim, mine.expected, mine.found, mine.rule) == ("branch", ["dev"], "main", None)
    # the record has the others, too
    assert set(names(refusal.nearest)) >= {"theirs", "theirs-by-id", "theirs-raw"}
    assert refusal.nearest[0].grant.name not in names(refusal.shown)


def test_the_nearest_come_first_and_ten_at_most() -> None:
    far = [grant(name=f"far-{n}", match={"branch": "x", "event": "y", "tag": "z"}) for n in range(9)]
    near = [grant(name=f"near-{n}", match={"branch": f"b{n}"}) for n in range(4)]
    refusal = denied(decided(document(*far, *near)), Reason.NO_MATCHING_GRANT)
    assert names(refusal.shown) == [*(f"near-{n}" for n in range(4)), *(f"far-{n}" for n in range(6))]
    assert names(refusal.nearest) == names(refusal.shown)
    assert refusal.not_shown == 3


def test_own_grants_are_found_behind_ten_of_others() -> None:
    theirs = [grant(name=f"theirs-{n}", match={"repository": f"a/{n}"}) for n in range(15)]
    refusal = denied(
        decided(document(*theirs, grant(name="mine", match={"branch": "x", "tag": "y"}))), Reason.NO_MATCHING_GRANT
    )
    assert names(refusal.shown) == ["mine"]
    assert (len(refusal.nearest), refusal.not_shown) == (10, 15)


def test_only_what_was_asked_for_is_considered() -> None:
    found = document(grant(name="a", match={"branch": "x"}), grant(name="b", registry="base", match={"branch": "x"}))
    refusal = denied(decided(found, registries=("base",)), Reason.NO_MATCHING_GRANT)
    assert names(refusal.shown) == ["b"]
    assert refusal.not_shown == 0


def test_an_absent_claim_is_reported_as_absent() -> None:
    found = document(grant(issuers=["gitlab"], match={"environment": "production"}))
    refusal = denied(decided(found, gitlab_claims(), issuer="gitlab"), Reason.NO_MATCHING_GRANT)
    (by_name,) = refusal.shown[0].failed
    assert (by_name.claim, by_name.found) == ("environment", None)
    found = document(grant(issuers=["own"], claims={"git": {"branch": "x"}}))
    claims: dict[str, Json] = {"sub": "job", "tenant": "nordlicht"}
    refusal = denied(decided(found, claims, issuer="own"), Reason.NO_MATCHING_GRANT)
    (by_path,) = refusal.shown[0].failed
    assert (by_path.claim, by_path.found) == (["git", "branch"], None)
